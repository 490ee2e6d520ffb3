# frozen_string_literal: true

require 'spec_helper'

# Which changes Puppet takes for corrections of what somebody else did.
describe 'a pitstop_pack that remembers its last run' do
  include_context 'with runs of Puppet'

  before do
    remember_runs
    %w[start stop].each { |verb| stand.answer(verb, stdout: report(verb, changed: true).to_json) }
  end

  def apply(found, **attributes)
    wanted = check_of('is-1', level: attributes.fetch(:level, '1.0.0'))['before']
    planned = report('update', changed: true, after: wanted)
    stand.answer('update --dry-run', stdout: planned.merge('dry_run' => true).to_json)
    stand.answer('update', stdout: planned.to_json)
    stand.answer('check --all', stdout: list(found))
    run(instance_of(:pitstop_pack, **attributes)).first
  end

  def correction(*runs)
    runs.map { |found, attributes| apply(found, **attributes) }.last.events.first.corrective_change
  end

  let(:old) { check_of('is-1', level: '1.0.0') }
  let(:new) { check_of('is-1', level: '1.1.0') }

  {
    'a level that somebody took back' => [%w[1.0.0 1.1.0], %w[1.0.0 1.1.0], true],
    'a new level in the manifest' => [%w[1.0.0 1.0.0], %w[1.0.0 1.1.0], false],
    'the first run of all' => [nil, %w[1.0.0 1.1.0], false],
    # Which level `latest` was is not remembered, nor what a short level stood for.
    'the latest of some levels' => [%w[1.0.0 latest], %w[1.0.0 1.1.0], nil],
    'a level in short' => [%w[1.0.0 1.0], %w[1.0.0 1.1.0], nil]
  }.each do |what, (before, now, expected)|
    it "judges #{what}" do
      runs = [before, now].compact.map { |found, wanted| [check_of('is-1', level: found), { level: wanted }] }
      expect(correction(*runs)).to eq(expected)
    end
  end

  it 'judges a server that somebody stopped, and a new state in the manifest' do
    down = check_of('is-1', level: '1.0.0', state: 'stopped')
    expect(correction([old, { ensure: :running }], [down, { ensure: :running }])).to be(true)
    expect(correction([old, { ensure: :running }], [old, { ensure: :stopped }])).to be(false)
  end

  # Puppet asks the properties for that, which must not ask the agent again.
  it 'judges without another call, and previews once' do
    apply(new, level: '1.1.0', ensure: :running)
    before = stand.calls.size
    apply(check_of('is-1', level: '1.0.0', state: 'stopped'), level: '1.1.0', ensure: :running, noop: true)
    expect(stand.calls.drop(before)).to eq(['check --all', 'update is-1 --level 1.1.0 --dry-run'])
  end
end
