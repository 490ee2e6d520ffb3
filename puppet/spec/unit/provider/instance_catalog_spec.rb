# frozen_string_literal: true

require 'spec_helper'

# How the types share what is known of an instance, and in which order they come.
describe 'a catalog with all types of one instance' do
  include_context 'with runs of Puppet'

  let(:types) { %i[pitstop_verified pitstop_service pitstop_config pitstop_pack] }

  before do
    stand.answer('verify', stdout: report('verify').to_json)
    stand.answer('config --dry-run', stdout: report('config', changed: false, diffs: []).to_json)
  end

  def all(**attributes)
    types.map { |type| instance_of(type, **attributes.fetch(type, {})) }
  end

  it 'asks once for everything, and once more for what only a dry run and a verification can tell' do
    stand.answer('check --all', stdout: list(check_of('is-1'), check_of('is-2')))
    others = types.map { |type| instance_of(type, 'is-2') }
    statuses = run(*all(pitstop_service: { ensure: :running }), *others)

    expect(statuses.flat_map(&:events)).to be_empty
    later = %w[is-1 is-2].flat_map { |name| ["config apply #{name} --dry-run", "verify #{name}"] }
    expect(stand.calls).to contain_exactly('check --all', *later)
  end

  it 'comes from the pack over configuration and service to the verification' do
    stand.answer('check --all', stdout: list(check_of('is-1', level: '1.0.0', state: 'stopped')))
    stand.answer('update --dry-run', stdout: report('update', changed: true, dry_run: true).to_json)
    stopped = check_of('is-1', level: '1.1.0', state: 'stopped')['before']
    stand.answer('update', stdout: report('update', changed: true, after: stopped).to_json)
    stand.answer('config --dry-run', stdout: report('config', changed: true, dry_run: true).to_json)
    stand.answer('config', stdout: report('config', changed: true, after: stopped).to_json)
    stand.answer('start', stdout: report('start', changed: true).to_json)
    run(*all(pitstop_pack: { level: '1.1.0' }, pitstop_service: { ensure: :running }))

    expect(stand.calls.grep_v(/check|--dry-run/).map { |call| call.split.first }).to eq(%w[update config start verify])
  end

  it 'knows what the change of another type did, without asking' do
    stand.answer('check --all', stdout: list(check_of('is-1', level: '1.0.0', state: 'stopped')))
    stand.answer('start', stdout: report('start', changed: true, after: check_of('is-1')['before']).to_json)
    pack, service = run(instance_of(:pitstop_pack, ensure: :running), instance_of(:pitstop_service, ensure: :running))

    expect([events(pack), events(service)]).to eq([[%w[ensure success]], []])
    expect(stand.calls).to eq(['check --all', 'start is-1'])
  end

  it 'asks again for an instance whose settings, or whatever else, came after the first one, and only once' do
    stand.answer('check --all', stdout: list(*%w[is-1 is-2].map { |name| check_of(name, level: '1.0.0') }))
    stand.answer('check', stdout: check_of('is-2', level: '1.1.0').to_json)
    first = instance_of(:pitstop_pack, level: '1.0.0')
    file = Puppet::Type.type(:file).new(path: "#{folder}/new", content: 'x', require: first.ref)
    second = instance_of(:pitstop_pack, 'is-2', level: '1.1.0', require: file.ref)
    statuses = run(first, file, second, instance_of(:pitstop_service, 'is-2', ensure: :running))

    expect(statuses.map { |status| events(status) }).to match([[], [%w[ensure success]], [], []])
    expect(stand.calls).to eq(['check --all', 'check is-2'])
  end

  it 'asks again after a call that ended without a report' do
    stand.answer('check --all', stdout: list(check_of('is-1', state: 'stopped')))
    stand.answer('check', stdout: check_of('is-1').to_json)
    stand.answer('start', stdout: 'oops', exit: 1)
    pack = instance_of(:pitstop_pack, ensure: :running)
    gate = instance_of(:pitstop_service, ensure: :running, noop: true)
    # No relation, so that the failure does not skip the second.
    allow(gate).to receive(:autorequire).and_return([])
    run(pack, gate)

    expect(stand.calls).to eq(['check --all', 'start is-1', 'check is-1'])
  end

  it 'skips what depends on an unhealthy instance' do
    stand.answer('check --all', stdout: list(check_of('is-1')))
    stand.answer('verify', stdout: failure('verify', kind: 'unhealthy', exit: 5).to_json, exit: 5)
    balancer = Puppet::Type.type(:notify).new(name: 'open the gate', require: 'Pitstop_verified[is-1]')
    gate, after = run(instance_of(:pitstop_verified), balancer)

    expect([events(gate), after.skipped, after.failed_dependencies]).to match([[%w[ensure failure]], true, anything])
    expect(stand.calls).to eq(['check --all', 'verify is-1'])
  end

  it 'is refused where the types contradict each other' do
    pack = instance_of(:pitstop_pack, ensure: :stopped)
    expect { run(pack, instance_of(:pitstop_service, ensure: :running)) }.to raise_error(Puppet::Error)
    expect(logs.map(&:to_s)).to include(a_string_matching(/Pitstop_pack\[is-1\] wants the server stopped, .* running/))
    expect(stand.calls).to be_empty
  end
end
