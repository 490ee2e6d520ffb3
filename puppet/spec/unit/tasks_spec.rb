# frozen_string_literal: true

require 'spec_helper'
require 'open3'

# The tasks as their runners see them: metadata that Puppet accepts, and scripts that are told everything by environment.
describe 'the tasks' do
  root = File.expand_path('../..', __dir__)
  scripts = Dir["#{root}/tasks/*.sh"].sort

  def environment(task, **parameters)
    installed = File.join(folder, 'installed')
    FileUtils.mkdir_p(installed)
    FileUtils.ln_sf(File.expand_path('../..', __dir__), "#{installed}/pitstop")
    given = { agent: stand.path, config_dir: '/c', state_dir: '/s', _installdir: installed, _task: "pitstop::#{task}" }
    given.merge(parameters).to_h { |name, value| ["PT_#{name}", value.to_s] }
  end

  def run_task(task, **parameters)
    script = File.expand_path("../../tasks/#{task}.sh", __dir__)
    stdout, _stderr, status = Open3.capture3(environment(task, **parameters), script)
    [JSON.parse(stdout), status.exitstatus]
  end

  it 'are there, each with metadata that Puppet accepts' do
    here = Puppet::Node::Environment.create(:here, [File.expand_path('../fixtures/modules', __dir__)])
    tasks = here.module('pitstop').tasks
    expect(tasks.map(&:name)).to match_array(
      %w[check rollback start stop update verify].map { |name| "pitstop::#{name}" }
    )
    Puppet.override(environments: Puppet::Environments::Static.new(here)) do
      tasks.each { |task| expect { task.validate }.not_to raise_error }
    end
  end

  scripts.each do |script|
    describe File.basename(script) do
      metadata = JSON.parse(File.read(script.sub(/sh\z/, 'json')))

      it 'takes its parameters from the environment, each described, typed and used' do
        text = File.read(script) + File.read("#{root}/files/task.sh")
        expect(metadata).to include('input_method' => 'environment', 'supports_noop' => true)
        metadata['parameters'].each do |name, about|
          type = Puppet::Pops::Types::TypeParser.singleton.parse(about['type'])
          expect([type, about['description'], text]).to match(
            [be_a(Puppet::Pops::Types::PAnyType), /\S/, a_string_including("PT_#{name}")]
          )
        end
      end

      it 'has the agent’s report for a result, and its exit code, also of a failure' do
        verb = File.basename(script, '.sh')
        refused = failure(verb, kind: 'locked', exit: 6)
        stand.answer(verb, stdout: refused.to_json, exit: 6)
        expect(run_task(verb, instance: 'is-1')).to eq([refused, 6])
      end
    end
  end

  {
    'check' => [{}, 'check --all'],
    'verify' => [{ instance: 'is-1', deep: true }, 'verify --deep -- is-1'],
    'stop' => [{ instance: 'is-1', _noop: true }, 'stop --dry-run -- is-1'],
    'start' => [{ instance: 'is-1', _noop: false }, 'start -- is-1'],
    'update' => [{ instance: 'is-1', level: '1.1.0', source: '/srv/the packs', plan: 'ab', continue: true,
                   allow_downgrade: true, release_hold: false, acknowledge: '["scripts-1", "h2-2"]' },
                 'update --level 1.1.0 --from /srv/the packs --plan ab --continue --allow-downgrade ' \
                 '--acknowledge scripts-1 --acknowledge h2-2 -- is-1'],
    'rollback' => [{ instance: 'is-1', level: '1.0.0', config: true }, 'rollback --to 1.0.0 --config -- is-1']
  }.each do |task, (parameters, call)|
    it "#{task} passes on what it is told" do
      verb = call[/\A\S+(?= )( --all)?/]
      [verb, "#{verb} --dry-run"].each { |key| stand.answer(key, stdout: '{}') }
      expect(run_task(task, **parameters)).to eq([{}, 0])
      expect(stand.full_calls).to eq(["--config-dir /c --state-dir /s --output json #{call}"])
    end
  end

  it 'say that there is no agent' do
    result, code = run_task('check', agent: '/nowhere/pitstop')
    expect([result.dig('_error', 'kind'), code]).to eq(['pitstop/no-agent', 127])
  end
end
