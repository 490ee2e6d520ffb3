# frozen_string_literal: true

require 'spec_helper'
require 'puppet_x/pitstop/handover'

# What the fact learned is used by the run that follows, while it holds.
describe PuppetX::Pitstop::Handover do
  include_context 'with runs of Puppet'

  around do |example|
    given = ENV.to_h
    ENV.update('PATH' => "#{folder}:/usr/bin:/bin", 'PITSTOP_CONFIG_DIR' => '/c', 'PITSTOP_STATE_DIR' => '/s')
    example.run
  ensure
    ENV.replace(given)
  end

  before { stand.answer('check --all', stdout: list(check_of('is-1', level: '1.0.0'))) }

  let(:seen) { list(check_of('is-1', level: '1.1.0')) }

  def pack(**attributes)
    instance_of(:pitstop_pack, level: '1.1.0', **attributes)
  end

  def calls_of(*resources, seconds_ago: 5, text: seen)
    stand.answer('update --dry-run', stdout: report('update', changed: false).to_json)
    described_class.leave(Time.now - seconds_ago, text)
    run(*resources)
    stand.calls.select { |call| call.start_with?('check') }
  end

  it 'saves the call of a run with nothing to do, whatever its agent is called' do
    services = [{}, { agent: 'pitstop' }].map { |agent| instance_of(:pitstop_service, ensure: :running, **agent) }
    expect(services.map { |service| calls_of(service, pack(agent: service[:agent])) }).to eq([[], []])
  end

  it 'is given away once' do
    calls_of(pack)
    run(pack)
    expect(stand.calls).to eq(['check --all', 'update is-1 --level 1.1.0 --dry-run'])
  end

  {
    'is about another agent' => [{ agent: '/bin/true' }, {}],
    'is about other settings' => [{ config_dir: '/d' }, {}],
    'is about another state' => [{ state_dir: '/t' }, {}],
    'is too old' => [{}, { seconds_ago: 1000 }],
    'comes from a clock that was set back' => [{}, { seconds_ago: -1000 }],
    'is not the contract' => [{}, { text: '{"reports": []}' }]
  }.each do |what, (attributes, left)|
    it "is left alone where it #{what}" do
      stand.answer('check', stdout: check_of('is-1').to_json)
      expect(PuppetX::Pitstop::Report).not_to receive(:parse_list).with(seen)
      calls_of(pack(**attributes), **left)
    end
  end

  # Such as a new pack in the source, or the agent's package.
  it 'is left alone once the run has changed anything, but not for what an earlier one changed' do
    new = -> { Puppet::Type.type(:file).new(path: "#{folder}/new", content: 'x', before: 'Pitstop_pack[is-1]') }
    expect(calls_of(new.call, pack)).to eq(['check --all'])
    expect(calls_of(new.call, pack, seconds_ago: 0)).to eq(['check --all'])
  end
end
