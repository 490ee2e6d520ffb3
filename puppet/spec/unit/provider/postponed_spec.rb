# frozen_string_literal: true

require 'spec_helper'

# What the agent puts off because the host's time has not come.
describe 'a catalog with a change that has to wait' do
  include_context 'with runs of Puppet'

  let(:until_then) { @refused['error']['message'] }
  let(:old) { check_of('is-1', level: '1.0.0') }

  before { stand.answer('check --all', stdout: list(old)) }

  def put_off(call, kind)
    verb, dry_run = call.split
    text = "the #{kind} of this host opens at 2026-12-04T08:00:00Z"
    @refused = recorded(verb, kind, !dry_run.nil?) ||
               failure(verb, kind: kind, exit: 6, message: text, before: old['before'], after: nil)
    stand.answer(call, stdout: @refused.to_json, exit: 6)
  end

  # What the agent really says, where that is recorded.
  def recorded(verb, kind, dry_run)
    Recorded.singles.map(&:report).find do |one|
      one.values_at('action', 'dry_run') == [verb, dry_run] && one.dig('error', 'kind') == kind && (one['plan'] || !dry_run)
    end
  end

  def allow_change(verb = 'update', **fields)
    planned = report(verb, changed: true, **fields)
    stand.answer("#{verb} --dry-run", stdout: planned.merge('dry_run' => true).to_json)
    stand.answer(verb, stdout: planned.to_json)
  end

  # Things that go on, and that something else than a change must not set off.
  def dependents(ref)
    gate = Puppet::Type.type(:notify).new(name: 'behind', require: ref)
    driver = instance_of(:pitstop_service, subscribe: ref)
    [gate, driver]
  end

  %w[wave window lock].each do |kind|
    describe "for a #{kind}" do
      before { put_off('update --dry-run', kind) }

      it 'is no failure and no change, says until when, and lets others go on' do
        stand.answer('verify', stdout: report('verify').to_json)
        pack = instance_of(:pitstop_pack, level: '1.1.0')
        status, behind, _driver, gate = run(pack, *dependents(pack.ref), instance_of(:pitstop_verified))

        expect([status.failed?, status.changed?, events(status)]).to match([be_falsey, be_falsey, [%w[level noop]]])
        expect(status.events.first.message).to include('waits: ', until_then, "[#{kind}, exit 6]")
        expect([behind.skipped?, events(gate)]).to match([be_falsey, []])
        expect(stand.calls).to eq(['check --all', 'update is-1 --level 1.1.0 --dry-run', 'verify is-1'])
      end

      it 'is shown at the level of a notice' do
        run(instance_of(:pitstop_pack, level: '1.1.0'))
        expect(logs.select { |log| log.message.include?(until_then) }.map(&:level)).to eq([:notice])
      end

      it 'is shown with its plan under noop' do
        status = run(instance_of(:pitstop_pack, level: '1.1.0', noop: true)).first
        expect(events(status)).to eq([%w[level noop]])
        expect(logs.map(&:to_s)).to include(a_string_including('plan ', 'steps: '), a_string_including(until_then))
        expect(changing_calls).to be_empty
      end

      it 'keeps no server down' do
        stand.answer('check --all', stdout: list(check_of('is-1', level: '1.0.0', state: 'stopped')))
        stand.answer('start', stdout: report('start', changed: true).to_json)
        status = run(instance_of(:pitstop_pack, ensure: :running, level: '1.1.0')).first
        expect([events(status), changing_calls]).to eq([[%w[ensure success]], ['start is-1']])
        expect(logs.map(&:to_s)).to include(a_string_including(until_then))
      end
    end
  end

  # A window may close while files are staged, and whether a slot is free is known only when it is asked for.
  it 'may turn out only when the change is tried' do
    allow_change
    put_off('update', 'lock')
    pack = instance_of(:pitstop_pack, level: '1.1.0')
    status, behind = run(pack, *dependents(pack.ref))
    expect([events(status), behind.skipped?]).to match([[%w[level noop]], be_falsey])
    expect(stand.calls.last).to eq('update is-1 --level 1.1.0')
  end

  it 'is tried where an earlier update has to be finished first' do
    interrupted = check_of('is-1', level: '1.0.0', interrupted: { action: 'update', phase: 'committing' })
    stand.answer('check --all', stdout: list(interrupted))
    put_off('update', 'window')
    expect(events(run(instance_of(:pitstop_pack, level: '1.1.0')).first)).to eq([%w[level noop]])
  end

  it 'is no correction when it comes at last' do
    remember_runs
    run(instance_of(:pitstop_pack, level: '1.0.0'))
    put_off('update --dry-run', 'wave')
    waiting = run(instance_of(:pitstop_pack, level: '1.1.0')).first
    allow_change(after: check_of('is-1', level: '1.1.0')['before'])
    done = run(instance_of(:pitstop_pack, level: '1.1.0')).first
    expect([waiting, done].map { |status| [status.events.first.status, status.corrective_change] })
      .to eq([['noop', false], ['success', false]])
  end

  describe 'of the configuration' do
    it 'is no failure and no change' do
      put_off('config --dry-run', 'window')
      config = instance_of(:pitstop_config)
      status, behind = run(config, *dependents(config.ref))
      expect([events(status), behind.skipped?, changing_calls]).to match([[%w[ensure noop]], be_falsey, []])
      expect(status.events.first.message).to include(until_then)
    end

    it 'is shown with its plan under noop' do
      put_off('config --dry-run', 'window')
      expect(events(run(instance_of(:pitstop_config, noop: true)).first)).to eq([%w[ensure noop]])
      expect(logs.map(&:to_s)).to include(a_string_including('plan ', 'steps: '), a_string_including(until_then))
    end

    it 'may turn out only when the change is tried' do
      allow_change('config')
      put_off('config', 'lock')
      expect(events(run(instance_of(:pitstop_config)).first)).to eq([%w[ensure noop]])
    end
  end
end
