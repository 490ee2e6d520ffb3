# frozen_string_literal: true

require 'spec_helper'
require 'puppet/agent'

# What is called in which order, and what the events say.
describe 'a catalog with a pitstop_pack' do
  include_context 'with runs of Puppet'

  before do
    stand.answer('update --dry-run', stdout: report('update', changed: true, dry_run: true, status: 'planned').to_json)
    %w[update adopt start stop].each { |verb| stand.answer(verb, stdout: report(verb, changed: true).to_json) }
  end

  def apply(found, **attributes)
    stand.answer('check --all', stdout: list(found))
    run(instance_of(:pitstop_pack, **attributes)).first
  end

  it 'changes nothing where nothing is to be changed' do
    status = apply(check_of('is-1', level: '1.0.0'), ensure: :running, adopt: true, level: '1.0.0')
    expect([events(status), stand.calls]).to eq([[], ['check --all']])
  end

  it 'says before and after with the plan when it updates' do
    status = apply(check_of('is-1', level: '1.0.0'), ensure: :running, level: '1.1.0')
    expect(events(status)).to eq([%w[level success]])
    expect(status.events.first.message).to include(report('update')['message'])
    expect(logs.map(&:to_s)).to include(a_string_including('plan ', '->', 'steps: '))
    expect(changing_calls).to eq(['update is-1 --level 1.1.0'])
  end

  it 'under noop shows the plan and calls nothing that changes' do
    status = apply(check_of('is-1', level: '1.0.0'), level: 'latest', source: '/srv/p', noop: true)
    expect(events(status)).to eq([%w[level noop]])
    expect(status.events.first.message).to match(/'1.0.0'.+'latest' \(.+\) \(noop\)/)
    expect(logs.map(&:to_s)).to include(a_string_including('plan ', 'steps: '))
    expect(changing_calls).to be_empty
  end

  # Puppet 8.9 and later ask for these words under noop, too.
  {
    pitstop_pack: { ensure: %i[stopped running], adopt: %i[false true], level: %w[1.0.0 1.1.0] },
    pitstop_config: { ensure: %i[pending applied] }, pitstop_service: { ensure: %i[stopped running] }
  }.each do |type, changes|
    changes.each do |name, (is, should)|
      it "has words for a change of #{name} of a #{type} before it was made" do
        property = instance_of(type, name => should).property(name)
        expect(property.change_to_s(is, property.should)).to eq("#{name} changed '#{is}' to '#{should}'")
      end
    end
  end

  it 'under noop shows the plan also where the state changes with the level' do
    found = check_of('is-1', level: '1.0.0', state: 'stopped')
    expect(events(apply(found, ensure: :running, level: '1.1.0', noop: true))).to eq([%w[ensure noop]])
    expect(logs.map(&:to_s)).to include(a_string_including('plan '), "current_value '1.0.0', should be '1.1.0' (noop)")
  end

  it 'under noop predicts the adoption and the level, and says why it cannot predict the files' do
    found = check_of('is-1', level: '1.0.0', adopted: false)
    expect(events(apply(found, adopt: true, level: '1.1.0', noop: true))).to eq([%w[adopt noop], %w[level noop]])
    expect(logs.map(&:to_s)).to include(a_string_including('known only after the adoption'))
    expect(stand.calls).to eq(['check --all'])
  end

  it 'adopts, then updates, then starts' do
    found = check_of('is-1', level: '1.0.0', state: 'stopped', adopted: false)
    expect(events(apply(found, ensure: :running, adopt: true, level: '1.1.0'))).to eq([%w[ensure success]])
    expect(changing_calls).to eq(['adopt is-1', 'update is-1 --level 1.1.0', 'start is-1'])
  end

  it 'stops before it updates, so that the update does not start the server again' do
    apply(check_of('is-1', level: '1.0.0'), ensure: :stopped, level: '1.1.0')
    expect(changing_calls).to eq(['stop is-1', 'update is-1 --level 1.1.0'])
  end

  it 'stops a server that its unit is about to start again, before it updates' do
    restarts = { name: 'is.service', active: 'activating', sub: 'auto-restart' }
    apply(check_of('is-1', level: '1.0.0', state: 'stopped', unit: restarts), ensure: :stopped, level: '1.1.0')
    expect(changing_calls).to eq(['stop is-1', 'update is-1 --level 1.1.0'])
  end

  it 'starts the server although the update was refused, and fails' do
    stand.answer('update', stdout: failure('update', kind: 'space', exit: 6, message: 'too full').to_json, exit: 6)
    status = apply(check_of('is-1', level: '1.0.0', state: 'stopped'), ensure: :running, level: '1.1.0')
    expect(events(status)).to eq([%w[ensure failure]])
    expect(status.events.first.message).to include('too full')
    expect(changing_calls.last).to eq('start is-1')
  end

  it 'starts no server where Puppet ends the whole run, as the update may still be at work' do
    allow_any_instance_of(PuppetX::Pitstop::Agent).to receive(:wait).and_wrap_original do |wait, command, *others|
      command.include?('update') && !command.include?('--dry-run') ? raise(Puppet::Agent::RunTimeoutError) : wait.call(command, *others)
    end
    expect { apply(check_of('is-1', level: '1.0.0', state: 'stopped'), ensure: :running, level: '1.1.0') }
      .to raise_error(Puppet::Agent::RunTimeoutError)
    expect(changing_calls).to be_empty
  end

  { 3600 => 1, 0 => 0, 10_801 => 0 }.each do |limit, times|
    it "tells #{times} times of a run that Puppet ends after #{limit} s" do
      allow(Puppet).to receive(:run_mode).and_return(Puppet::Util::RunMode[:agent])
      Puppet[:runtimeout] = limit
      apply(check_of('is-1', level: '1.0.0'), level: '1.1.0')
      expect(logs.map(&:message).grep(/set runtimeout/).size).to eq(times)
    end
  end

  it 'fails for an instance that is not configured, and says where to configure it' do
    stand.answer('check', stdout: failure('check', kind: 'unknown-instance', exit: 2).to_json, exit: 2)
    status = apply(check_of('other'), ensure: :running, level: '1.1.0')
    expect(status.events.first.message).to include('describe it in /c/instances.d/is-1.yaml')
    expect(changing_calls).to be_empty
  end

  it 'fails for an instance that cannot be read, and calls nothing that changes' do
    stand.answer('check', stdout: failure('check', kind: 'io', exit: 1).to_json, exit: 1)
    expect(apply(check_of('other'), ensure: :running, level: '1.1.0')).to be_failed
    expect(changing_calls).to be_empty
  end
end
