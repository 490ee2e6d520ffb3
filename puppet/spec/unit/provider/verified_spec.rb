# frozen_string_literal: true

require 'spec_helper'

describe 'a catalog with a pitstop_verified' do
  include_context 'with runs of Puppet'

  def gate(state: 'running', **attributes)
    stand.answer('check --all', stdout: list(check_of('is-1', state: state)))
    run(instance_of(:pitstop_verified, **attributes)).first
  end

  def unhealthy
    recorded = Recorded.singles.find { |call| call.name == 'verify-unhealthy' }
    stand.replay('verify', recorded)
    recorded.report
  end

  it 'changes nothing where the instance is healthy, and asks as deeply as told' do
    stand.answer('verify', stdout: report('verify').to_json)
    expect([events(gate), events(gate(deep: true))]).to eq([[], []])
    expect(stand.calls).to eq(['check --all', 'verify is-1', 'check --all', 'verify is-1 --deep'])
  end

  it 'fails with the checks that fail where it is not' do
    failed = unhealthy['probes'].find { |probe| probe['required'] && !probe['ok'] }
    status = gate
    expect(events(status)).to eq([%w[ensure failure]])
    expect(status.events.first.message).to include("#{failed['name']}: #{failed['detail']}", '[unhealthy, exit 5]')
    expect(status.events.first.previous_value).to eq(:unhealthy)
    expect(stand.calls).to eq(['check --all', 'verify is-1'])
  end

  it 'fails where it cannot be known' do
    stand.answer('verify', stdout: failure('verify', kind: 'interrupted', exit: 1).to_json, exit: 1)
    expect(gate).to be_failed
    expect(logs.map(&:to_s)).to include(a_string_including('[interrupted, exit 1]'))
  end

  it 'under noop says that it would fail' do
    unhealthy
    expect(events(gate(noop: true))).to eq([%w[ensure noop]])
  end

  it 'under noop leaves a stopped server unjudged' do
    expect(events(gate(state: 'stopped', noop: true))).to be_empty
    expect(stand.calls).to eq(['check --all'])
  end

  it 'fails for an instance that is not configured' do
    stand.answer('check', stdout: failure('check', kind: 'unknown-instance', exit: 2).to_json, exit: 2)
    stand.answer('check --all', stdout: list)
    status = run(instance_of(:pitstop_verified)).first
    expect(status.events.first.message).to include('describe it in /c/instances.d/is-1.yaml')
  end
end
