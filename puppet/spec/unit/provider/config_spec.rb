# frozen_string_literal: true

require 'spec_helper'

describe 'a catalog with a pitstop_config' do
  include_context 'with runs of Puppet'

  let(:secret) { Puppet::Pops::Types::PSensitiveType::Sensitive }
  let(:diff) { report('config')['diffs'].first['diff'] }

  before do
    stand.answer('check --all', stdout: list(check_of('is-1')))
    recorded = report('config', changed: true)
    expect(recorded['diffs']).not_to be_empty
    stand.answer('config --dry-run', stdout: recorded.merge('dry_run' => true).to_json)
    stand.answer('config', stdout: recorded.to_json)
  end

  def config(**attributes)
    instance_of(:pitstop_config, **attributes)
  end

  # As a catalog brings it: unwrapped, and marked.
  def sensitive_config(values)
    config(values: values).tap { |one| one.set_sensitive_parameters([:values]) }
  end

  it 'changes nothing where the files are as configured' do
    stand.answer('config --dry-run', stdout: report('config', changed: false).to_json)
    expect(events(run(config).first)).to be_empty
    expect(stand.calls).to eq(['check --all', 'config apply is-1 --dry-run'])
  end

  it 'applies what differs, with the plan in the log and the sentence in the event' do
    status = run(config(strict: true)).first
    expect(events(status)).to eq([%w[ensure success]])
    expect(status.events.first.message).to include(report('config')['message'])
    expect(logs.map(&:to_s)).to include(a_string_including('plan ', 'steps: '))
    expect(stand.calls.last(2)).to eq(['config apply is-1 --strict --dry-run', 'config apply is-1 --strict'])
  end

  it 'does not take other values for a correction' do
    remember_runs
    expect(Array.new(2) { run(config).first.events.map(&:corrective_change) }).to eq([[false], [false]])
  end

  it 'under noop shows the plan and changes nothing' do
    expect(events(run(config(noop: true)).first)).to eq([%w[ensure noop]])
    expect(logs.map(&:to_s)).to include(a_string_including('plan ', 'steps: '))
    expect(changing_calls).to be_empty
  end

  it 'shows diffs only where Puppet may' do
    run(config)
    expect(logs.map(&:to_s)).not_to include(a_string_including(diff))
    Puppet[:show_diff] = true
    run(config)
    expect(logs.map(&:to_s)).to include(a_string_including(diff))
  end

  it 'gives values by standard input, with secrets as such' do
    Puppet[:log_level] = 'debug'
    run(config(values: { 'log' => { 'level' => 'WARN' }, 'admin' => { 'password' => secret.new('pa55word') } }))

    expect(JSON.parse(stand.stdin)).to eq(
      'log' => { 'level' => 'WARN' }, 'admin' => { 'password' => { 'secret' => { 'value' => 'pa55word' } } }
    )
    expect(stand.calls.last).to eq('config apply is-1 --values -')
    expect([*logs.map(&:to_s), *stand.full_calls]).not_to include(a_string_including('pa55word'))
  end

  it 'makes a secret of each text where all values are sensitive, and shows no diff' do
    Puppet[:show_diff] = true
    run(sensitive_config('port' => 9443, 'admin' => ['root', { 'secret' => { 'file' => '/run/x' } }]))

    expect(JSON.parse(stand.stdin)).to eq(
      'port' => 9443, 'admin' => [{ 'secret' => { 'value' => 'root' } }, { 'secret' => { 'file' => '/run/x' } }]
    )
    expect(logs.map(&:to_s)).not_to include(a_string_including(diff))
    expect(logs.map(&:to_s)).not_to include(a_string_matching(/sensitive/))
  end

  it 'leaves a refusal to the change itself, and to noop' do
    refused = failure('config', kind: 'held', exit: 6, message: 'it failed here before').to_json
    stand.answer('config --dry-run', stdout: refused, exit: 6)
    stand.answer('config', stdout: refused, exit: 6)
    message = run(config).first.events.first.message
    expect(message).to include('it failed here before [held, exit 6]')
    expect(run(config(noop: true)).first).to be_failed
  end

  it 'says that an instance is not configured' do
    stand.answer('check', stdout: failure('check', kind: 'unknown-instance', exit: 2).to_json, exit: 2)
    stand.answer('check --all', stdout: list)
    expect(run(config).first.events.first.message).to include('describe it in /c/instances.d/is-1.yaml')
  end
end
