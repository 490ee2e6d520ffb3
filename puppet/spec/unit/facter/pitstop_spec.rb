# frozen_string_literal: true

require 'spec_helper'
require 'facter'
require 'puppet_x/pitstop/handover'

describe 'the fact pitstop' do
  around do |example|
    Facter.clear
    path = ENV.fetch('PATH')
    ENV['PATH'] = "#{folder}:/usr/bin:/bin"
    example.run
  ensure
    ENV['PATH'] = path
    Facter.clear
  end

  def fact
    Facter.add(:kernel) { setcode { 'Linux' } }
    load File.expand_path('../../../lib/facter/pitstop.rb', __dir__)
    Facter.value(:pitstop)
  end

  def agent(stdout, exit: 0)
    File.write("#{folder}/report.json", stdout)
    File.write("#{folder}/pitstop", <<~SHELL)
      #!/bin/sh
      echo "$*" >> #{folder}/calls
      cat #{folder}/report.json
      exit #{exit}
    SHELL
    File.chmod(0o755, "#{folder}/pitstop")
  end

  it 'has small stable fields per instance, from one call' do
    stopped = check_of('is-2', state: 'stopped', adopted: false, verified: false, interrupted: { phase: 'staging' })
    agent(list(check_of('is-1', level: '1.0.0', verified: true, drift: { count: 3, paths: [] }), stopped))
    found = fact

    expect(found['instances']['is-1']).to include(
      'level' => '1.0.0', 'state' => 'running', 'adopted' => true, 'verified' => true, 'drift' => 3,
      'interrupted' => false
    )
    expect(found['instances']['is-2']).to include('state' => 'stopped', 'adopted' => false, 'interrupted' => true)
    expect(found['instances']['is-1'].keys).to eq(%w[product level state adopted verified drift interrupted])
    expect(File.readlines("#{folder}/calls", chomp: true)).to eq(['--output json check --all'])
  end

  Recorded.all.select(&:list?).each do |call|
    it "describes every instance of the recorded #{call.name}" do
      agent(call.stdout, exit: call.exit)
      expect(fact['instances'].keys).to eq(call.reports.map { |report| report['instance'] })
    end
  end

  it 'gives the kind of the failure for an instance that cannot be read' do
    broken = failure('check', kind: 'home-missing', exit: 1, instance: 'is-2', before: nil, after: nil)
    agent(list(broken), exit: 1)
    expect(fact['instances']).to eq('is-2' => { 'error' => 'home-missing' })
  end

  it 'says that the agent has no answer about any instance, and why' do
    unreadable = { schema: Recorded::LIST_SCHEMA, reports: [], error: { kind: 'settings' }, agent: '0.1.0' }
    agent(unreadable.to_json, exit: 2)
    expect(fact).to eq('agent' => '0.1.0', 'instances' => {}, 'error' => 'settings')
  end

  it 'says that the agent took too long' do
    stub_const('PuppetX::Pitstop::Handover::FACT_TIMEOUT_S', 1)
    agent('')
    File.write("#{folder}/pitstop", "#!/bin/sh\nexec sleep 60\n")
    expect(fact).to eq('error' => 'timeout')
  end

  it 'is absent without an agent' do
    expect(fact).to be_nil
  end

  ['', 'oops', '{}', '[1]'].each do |nonsense|
    it "is absent where the agent prints #{nonsense.inspect}" do
      agent(nonsense)
      expect(fact).to be_nil
    end
  end
end
