# frozen_string_literal: true

require 'spec_helper'

describe 'a catalog with a pitstop_service' do
  include_context 'with runs of Puppet'

  before do
    %w[start stop].each do |verb|
      after = check_of('is-1', state: verb == 'start' ? 'running' : 'stopped')['before']
      stand.answer(verb, stdout: report(verb, changed: true, after: after).to_json)
    end
    stand.answer('start --dry-run', stdout: report('start', changed: false).to_json)
  end

  def service(state, view = {}, **attributes)
    stand.answer('check --all', stdout: list(check_of('is-1', state: state, **view)))
    instance_of(:pitstop_service, **attributes)
  end

  # With something that notifies it.
  def notified(service)
    cause = Puppet::Type.type(:notify).new(name: 'a driver was replaced', notify: service.ref)
    run(service, cause).first
  end

  { stopped: ['running', 'stop is-1'], running: ['stopped', 'start is-1'] }.each do |wanted, (found, call)|
    it "is #{wanted} afterwards, with the agent's sentence in the event" do
      status = run(service(found, ensure: wanted)).first
      expect(events(status)).to eq([%w[ensure success]])
      expect(status.events.first.message).to include(report(call.split.first)['message'])
      expect(stand.calls).to eq(['check --all', call])
    end
  end

  it 'changes nothing where nothing is to be changed, nor under noop' do
    expect(events(run(service('running', ensure: :running)).first)).to be_empty
    expect(events(run(service('running', ensure: :stopped, noop: true)).first)).to eq([%w[ensure noop]])
    expect(changing_calls).to be_empty
  end

  {
    'whose unit is about to start it again' => { unit: { name: 'is.service', active: 'activating', sub: 'auto-restart' } },
    'that left a helper' => { processes: [{ pid: 9, started_ticks: 1, role: 'helper', program: 'sh', evidence: 'home' }] }
  }.each do |what, view|
    it "stops, or starts, a server that is down and #{what}" do
      %i[stopped running].each { |wanted| run(service('stopped', view, ensure: wanted)) }
      expect(changing_calls).to eq(['stop is-1', 'start is-1'])
    end
  end

  it 'leaves a server that is down alone whatever else uses its files' do
    bystander = { pid: 9, started_ticks: 1, role: 'bystander', program: 'less', evidence: 'file' }
    failed = { name: 'is.service', active: 'failed', sub: 'failed' }
    expect(events(run(service('stopped', { unit: failed, processes: [bystander] }, ensure: :stopped)).first)).to be_empty
  end

  it 'marks a change as corrective where somebody else had stopped the server' do
    remember_runs
    corrective = Array.new(2) { run(service('stopped', ensure: :running)).first.events.map(&:corrective_change) }
    expect(corrective).to eq([[false], [true]])
  end

  it 'restarts a server that runs when it is notified' do
    notified(service('running'))
    expect(stand.calls).to eq(['check --all', 'start is-1 --dry-run', 'stop is-1', 'start is-1'])
  end

  it 'does not stop a server that could not be started again' do
    refused = failure('start', kind: 'permission', exit: 1, message: 'the server may not read conf/a')
    stand.answer('start --dry-run', stdout: refused.to_json, exit: 1)
    status = notified(service('running'))
    expect([status.failed_to_restart, changing_calls]).to eq([true, []])
    expect(logs.map(&:message)).to include(%r{the server may not read conf/a})
  end

  it 'leaves a stopped server down when it is notified, and one that it just started alone' do
    notified(service('stopped'))
    expect(changing_calls).to be_empty
    notified(service('stopped', ensure: :running))
    expect(changing_calls).to eq(['start is-1'])
  end

  it 'does not restart under noop' do
    notified(service('running', noop: true))
    expect(changing_calls).to be_empty
  end

  it 'fails with the reason of the agent' do
    stand.answer('start', stdout: failure('start', kind: 'start-failed', exit: 5, hint: 'see its log').to_json, exit: 5)
    status = run(service('stopped', ensure: :running)).first
    expect(status.events.first.message).to include('[start-failed, exit 5]; hint: see its log')
  end

  it 'fails for an instance that is not configured' do
    stand.answer('check', stdout: failure('check', kind: 'unknown-instance', exit: 2).to_json, exit: 2)
    stand.answer('check --all', stdout: list)
    status = run(instance_of(:pitstop_service, ensure: :running)).first
    expect(status.events.first.message).to include('describe it in /c/instances.d/is-1.yaml')
  end
end
