# frozen_string_literal: true

require 'spec_helper'
require 'puppet_x/pitstop/agent'

describe PuppetX::Pitstop::Agent do
  subject(:agent) { agent_with }

  let(:failed) { described_class::Failed }

  def agent_with(path: stand.path, timeout: 20)
    described_class.new(path: path, config_dir: '/c', state_dir: '/s', timeout: timeout)
  end

  Recorded.all.each do |call|
    it "returns the recorded #{call.name} whatever its exit code" do
      if call.list?
        stand.replay('check --all', call)
        expect(agent.check_all.keys).to eq(call.reports.map { |report| report['instance'] })
      else
        stand.replay(call.verb, call)
        expect(agent.call(call.verb, 'x')).to have_attributes(instance: call.report['instance'], exit: call.exit)
      end
    end
  end

  it 'passes folders, output format and arguments as separate words' do
    stand.answer('update', stdout: report('update').to_json)
    agent.call('update', 'x', '--from', '/srv/p')
    expect(stand.full_calls).to eq(['--config-dir /c --state-dir /s --output json update x --from /srv/p'])
  end

  it 'gives the agent what is secret by standard input, whatever its size' do
    text = 'x' * 1_000_000
    stand.answer('config', stdout: report('config').to_json)
    agent.call('config apply', 'x', '--values', '-', stdin: text)
    expect([stand.stdin, stand.calls]).to eq([text, ['config apply x --values -']])
  end

  it 'leaves it to the agent whether it reads standard input' do
    stand.answer('config', stdout: report('config').to_json)
    expect(agent.call('config apply', 'x', stdin: 'x' * 1_000_000)).to be_ok
  end

  it 'repeats stdout and stderr where there is no report' do
    stand.answer('check', stdout: 'oops', stderr: 'thread panicked', exit: 101)
    expect { agent.call('check', 'x') }
      .to raise_error(failed, /exited with 101: the output is not JSON; stdout: oops; stderr: thread panicked/)
  end

  it 'repeats only the end of a long output' do
    stand.answer('check', stdout: '', stderr: "#{'x' * 100_000}the end", exit: 1)
    expect { agent.call('check', 'x') }.to raise_error(failed) { |e|
      expect(e.message).to end_with('the end').and(satisfy { |text| text.size < 3000 })
    }
  end

  it 'does not trust a report that contradicts the exit code' do
    stand.answer('check', stdout: report('check').to_json, exit: 1)
    expect { agent.call('check', 'x') }.to raise_error(failed, /exited with 1: its report says exit 0/)
  end

  it 'does not trust a report of an agent that was killed' do
    stand.answer('check', stdout: report('check').to_json, before: 'kill -9 $$')
    expect { agent.call('check', 'x') }.to raise_error(failed, /was killed by signal 9/)
  end

  it 'reads a report that is not UTF-8 in places' do
    stand.answer('check', stdout: report('check', message: 'name').to_json.sub('"name"', "\"n\xFFme\""))
    expect(agent.call('check', 'x').message).to eq("n\u{FFFD}me")
  end

  it 'stops a call that takes too long, and says so' do
    stand.answer('check', stdout: '', before: "echo $$ > #{folder}/pid; exec sleep 60")
    expect { agent_with(timeout: 1).call('check', 'x') }.to raise_error(failed, /took more than 1 seconds/)
    expect { Process.kill(0, Integer(File.read("#{folder}/pid"))) }.to raise_error(Errno::ESRCH)
  end

  # What an agent does that ends only so many seconds after it was asked to stop.
  def slow(seconds)
    "trap 'echo term >> #{folder}/signals; asked=1' TERM; until [ $asked ]; do sleep 0.1; done; sleep #{seconds}"
  end

  it 'lets a change that takes too long come to its end, and believes what it says then' do
    stub_const("#{described_class}::GRACE_S", 0.1)
    stand.answer('update', stdout: report('update').to_json, before: slow(1))
    expect(agent_with(timeout: 2).call('update', 'x')).to be_ok
    expect(File.readlines("#{folder}/signals", chomp: true)).to eq(['term'])
  end

  it 'gives a call that changes nothing less time to end' do
    stub_const("#{described_class}::GRACE_S", 0.1)
    stand.answer('update --dry-run', stdout: report('update').to_json, before: slow(15))
    expect { agent_with(timeout: 2).call('update', 'x', '--dry-run') }.to raise_error(failed, /took more than 2 seconds/)
  end

  it 'does not wait for ever for a change to end' do
    stand.answer('update', stdout: report('update').to_json, before: slow(15))
    expect { agent_with(timeout: 1).call('update', 'x') }.to raise_error(failed, /the next run of the agent finishes or undoes/)
  end

  it 'does not wait for a server that inherited its output' do
    stand.answer('start', stdout: report('start').to_json, before: "sleep 30 & echo $! > #{folder}/pid")
    expect(agent_with(timeout: 10).call('start', 'x')).to be_ok
  ensure
    Process.kill(:KILL, Integer(File.read("#{folder}/pid")))
  end

  it 'tells a missing agent from a failing one' do
    expect { agent_with(path: '/nowhere/pitstop').call('check', 'x') }
      .to raise_error(Puppet::MissingCommand, %r{/nowhere/pitstop is not installed})
  end
end
