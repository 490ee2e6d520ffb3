# frozen_string_literal: true

require 'spec_helper'
require 'open3'

# The tasks as their runners see them: metadata that Puppet accepts, and scripts that are told everything by environment.
describe 'the tasks' do
  root = File.expand_path('../..', __dir__)
  scripts = Dir["#{root}/tasks/*.sh"].sort
  # What they need to be told to ask the agent at all.
  needed = { instance: 'is-1', bundle: '/srv/x.pitstop', file: '/srv/receipt.json', sign: '/srv/host.key' }

  define_method(:root) { root }

  def environment(task, **parameters)
    installed = File.join(folder, 'installed')
    FileUtils.mkdir_p(installed)
    # Through a link that is there already, another one would come to lie in the module itself.
    FileUtils.ln_s(root, "#{installed}/pitstop") unless File.symlink?("#{installed}/pitstop")
    given = { agent: stand.path, config_dir: '/c', state_dir: '/s', _installdir: installed, _task: "pitstop::#{task}" }
    given.merge(parameters).to_h { |name, value| ["PT_#{name}", value.to_s] }
  end

  def run_task(task, **parameters)
    script = File.expand_path("../../tasks/#{task}.sh", __dir__)
    stdout, _stderr, status = Open3.capture3(environment(task, **parameters), script)
    [JSON.parse(stdout), status.exitstatus]
  end

  it 'leave nothing in the module, however often they run' do
    stand.answer('check', stdout: report.to_json)
    2.times { run_task('check', instance: 'is-1') }
    expect(Dir["#{root}/*"].select { |path| File.symlink?(path) }).to be_empty
  end

  it 'are there, each with metadata that Puppet accepts' do
    here = Puppet::Node::Environment.create(:here, [File.expand_path('../fixtures/modules', __dir__)])
    tasks = here.module('pitstop').tasks
    expect(tasks.map(&:name)).to match_array(
      %w[bundle check hotfix receipt report rollback start stop update verify].map { |name| "pitstop::#{name}" }
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
        task = File.basename(script, '.sh')
        refused = failure('update', kind: 'locked', exit: 6)
        stand.answer(task, stdout: refused.to_json, exit: 6)
        stand.answer('check --all', stdout: list(refused), exit: 6)
        expected = task == 'report' ? [JSON.parse(list(refused)), 0] : [refused, 6]
        expect(run_task(task, **needed)).to eq(expected)
      end

      it 'fails where there is no answer' do
        task = File.basename(script, '.sh')
        [task, 'check --all'].each { |call| stand.answer(call, stdout: '{}', exit: 101) }
        expect(run_task(task, **needed).last).to eq(101)
      end
    end
  end

  {
    'check' => [{}, 'check --all'],
    'verify' => [{ instance: 'is-1', deep: true, release_lock: true }, 'verify --deep --release-lock -- is-1'],
    'stop' => [{ instance: 'is-1', _noop: true }, 'stop --dry-run -- is-1'],
    'start' => [{ instance: 'is-1', _noop: false }, 'start -- is-1'],
    'update' => [{ instance: 'is-1', level: '1.1.0', source: '/srv/the packs', plan: 'ab', continue: true,
                   allow_downgrade: true, release_hold: false, acknowledge: '["scripts-1", "h2-2"]',
                   override: '["wave","window"]' },
                 'update --level 1.1.0 --from /srv/the packs --plan ab --continue --allow-downgrade ' \
                 '--acknowledge scripts-1 --acknowledge h2-2 --override wave --override window -- is-1'],
    'hotfix' => [{ instance: 'is-1', action: 'apply', zip: '/srv/the fixes/x.pitstop', hotfix: 'abc-hf-1.zip', plan: 'ab',
                   continue: true, release_hold: true, acknowledge: '["h2-2"]', override: '["lock"]', _noop: true },
                 'hotfix apply --dry-run --plan ab --override lock --hotfix abc-hf-1.zip --continue --release-hold ' \
                 '--acknowledge h2-2 -- is-1 /srv/the fixes/x.pitstop'],
    'bundle' => [{ bundle: '/srv/the bundles/x.pitstop' }, 'bundle verify -- /srv/the bundles/x.pitstop'],
    'receipt' => [{ file: '/srv/r.json', sign: '/srv/the keys/h.pub', signer: 'agent', instances: '["is-1","is-2"]' },
                  'receipt --out /srv/r.json --sign /srv/the keys/h.pub --signer agent -- is-1 is-2'],
    'report' => [{}, 'check --all'],
    'rollback' => [{ instance: 'is-1', level: '1.0.0', config: true }, 'rollback --to 1.0.0 --config -- is-1']
  }.each do |task, (parameters, call)|
    it "#{task} passes on what it is told" do
      verb = call[/\A\S+(?= )( --all)?/]
      [verb, "#{verb} --dry-run"].each { |key| stand.answer(key, stdout: '{}') }
      expect(run_task(task, **parameters)).to eq([{}, 0])
      expect(stand.full_calls).to eq(["--config-dir /c --state-dir /s --output json #{call}"])
    end
  end

  { {} => 'list', { action: 'revert' } => 'revert', { action: 'revert', _noop: true } => 'revert --dry-run' }
    .each do |parameters, call|
      it "hotfix can #{call}" do
        ['hotfix', 'hotfix --dry-run'].each { |key| stand.answer(key, stdout: '{}') }
        run_task('hotfix', instance: 'is-1', **parameters)
        expect(stand.calls).to eq(["hotfix #{call} -- is-1"])
      end
    end

  it 'verify gives no slot back in noop' do
    stand.answer('verify', stdout: '{}')
    run_task('verify', instance: 'is-1', release_lock: true, _noop: true)
    expect(stand.calls).to eq(['verify -- is-1'])
  end

  it 'bundle only shows what is in one where that is asked for' do
    stand.answer('bundle', stdout: '{}')
    run_task('bundle', bundle: '/srv/x.pitstop', action: 'inspect')
    expect(stand.calls).to eq(['bundle inspect -- /srv/x.pitstop'])
  end

  it 'receipt is of all instances without names, and of none in noop' do
    stand.answer('receipt', stdout: '{}')
    result, code = run_task('receipt', file: '/r', sign: '/k', _noop: true)
    expect([result['changed'], code, stand.calls]).to eq([true, 0, []])
    run_task('receipt', file: '/r', sign: '/k')
    expect(stand.calls).to eq(['receipt --out /r --sign /k --all'])
  end

  it 'ask for the zip of a hotfix' do
    result, code = run_task('hotfix', instance: 'is-1', action: 'apply')
    expect([result.dig('_error', 'kind'), code, stand.calls]).to eq(['pitstop/no-zip', 2, []])
  end

  it 'say that there is no agent' do
    nowhere = [{ agent: '/nowhere/pitstop' }, { agent: '' }].map { |agent| run_task('check', **agent) }
    expect(nowhere.map { |result, code| [result.dig('_error', 'kind'), code] }).to all(eq(['pitstop/no-agent', 127]))
  end
end
