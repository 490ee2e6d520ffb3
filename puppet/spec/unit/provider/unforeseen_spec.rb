# frozen_string_literal: true

require 'spec_helper'

# Noop of a run that would write settings first: the agent's answer would be about those before.
describe 'a catalog with settings that noop does not write' do
  include_context 'with runs of Puppet'

  let(:settings) { "#{folder}/etc/instances.d/is-1.yaml" }

  before do
    FileUtils.mkdir_p(File.dirname(settings))
    File.write(settings, 'old')
    Puppet[:show_diff] = true
    stand.answer('check --all', stdout: list(check_of('is-1', level: '1.0.0')))
    refused = failure('config', kind: 'settings', exit: 2, message: 'its file has no section config').to_json
    ['config --dry-run', 'update --dry-run'].each { |call| stand.answer(call, stdout: refused, exit: 2) }
  end

  def events_of(*types, content: 'new', noop: true, path: settings)
    file = Puppet::Type.type(:file).new(path: path, content: content, noop: noop)
    resources = types.map { |type, more| instance_of(type, config_dir: "#{folder}/etc", noop: noop, **more) }
    run(file, *resources).map { |status| events(status) }
  end

  def warnings
    logs.select { |log| log.level == :warning }.map(&:message).grep_v(/default providers/)
  end

  it 'says so instead of failing, and that both may change' do
    found = events_of([:pitstop_config, {}], [:pitstop_pack, { level: '1.1.0' }])
    expect(found).to eq([[%w[content noop]], [%w[ensure noop]], [%w[level noop]]])
    expect(warnings).to eq(['what else changes is known only once the settings are written'] * 2)
    expect(stand.calls).not_to include(a_string_including('--dry-run'))
    expect(logs.map(&:message).grep(/^\+new/).size).to eq(1)
  end

  it 'says so for a file of all instances, too, and of a level that need not be the latest then' do
    found = events_of([:pitstop_pack, { level: 'latest' }], path: "#{folder}/etc/policy.yaml")
    expect([found.last, warnings.size]).to eq([[%w[level noop]], 1])
  end

  it 'takes settings that cannot be read, and are about to be mended, for none' do
    broken = failure('check', kind: 'settings', exit: 2, before: nil, after: nil)
    stand.answer('check --all', stdout: list(broken), exit: 2)
    stand.answer('check', stdout: broken.to_json, exit: 2)
    expect(events_of([:pitstop_pack, { ensure: :running, level: '1.1.0' }]).last).to eq([%w[ensure noop]])
    expect(events_of([:pitstop_pack, { ensure: :running }], content: 'old').last).to eq([[nil, 'failure']])
  end

  it 'asks the agent where they are as they shall be' do
    expect(events_of([:pitstop_config, {}], content: 'old')).to eq([[], [[nil, 'failure']]])
    expect(stand.calls).to eq(['check --all', 'config apply is-1 --dry-run'])
  end

  it 'asks the agent where they are written for real' do
    stand.answer('config --dry-run', stdout: report('config', changed: false).to_json)
    stand.answer('check', stdout: check_of('is-1').to_json)
    expect(events_of([:pitstop_config, {}], noop: false)).to eq([[%w[content success]], []])
  end
end
