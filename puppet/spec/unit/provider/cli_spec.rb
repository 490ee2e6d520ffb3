# frozen_string_literal: true

require 'spec_helper'

describe Puppet::Type.type(:pitstop_pack).provider(:cli) do
  def pack(name = 'is-1', **attributes)
    Puppet::Type.type(:pitstop_pack).new(
      { name: name, agent: stand.path, config_dir: '/c', state_dir: '/s' }.merge(attributes)
    )
  end

  def provider_of(found, **attributes)
    knowing(pack(found['instance'], **attributes), found)
  end

  Recorded.singles.each do |call|
    it "reads or refuses the recorded #{call.name}" do
      stand.replay(call.verb, call)
      provider = provider_of(check_of('is-1'), level: '9.9.9', ensure: :running)
      action = -> { call.verb == 'check' ? pack.provider.ensure : provider.send(:change, call.verb) }

      if call.exit.zero? || PuppetX::Pitstop::Report::WAITS.include?(call.report['error']['kind'])
        expect { action.call }.not_to raise_error
      elsif call.verb == 'check' && call.report['error']['kind'] == 'unknown-instance'
        expect(action.call).to eq(:absent)
      else
        expect { action.call }.to raise_error(Puppet::Error) { |e|
          expect(e.message).to include(call.report['error']['message'])
        }
      end
    end
  end

  describe 'prefetch' do
    def prefetch(*resources)
      Puppet::Resource::Catalog.new.add_resource(*resources)
      described_class.prefetch(resources.to_h { |resource| [resource.name, resource] })
      resources.map(&:provider)
    end

    it 'asks once for all instances of one agent' do
      stand.answer('check --all', stdout: list(check_of('is-1', level: '1.0.0'), check_of('is-2', state: 'stopped')))
      one, two = prefetch(pack('is-1'), pack('is-2'))

      expect([one.ensure, one.level, one.adopt, two.ensure]).to eq([:running, '1.0.0', :true, :stopped])
      expect(stand.calls).to eq(['check --all'])
    end

    it 'asks once per settings and state folder' do
      stand.answer('check --all', stdout: list(check_of('is-1')))
      prefetch(pack('is-1'), pack('is-2', config_dir: '/d'), pack('is-3', state_dir: '/t'))

      expect(stand.full_calls.map { |line| line[%r{--config-dir \S+ --state-dir \S+}] }).to eq(
        ['--config-dir /c --state-dir /s', '--config-dir /d --state-dir /s', '--config-dir /c --state-dir /t']
      )
    end

    it 'asks again for an instance whose settings came later' do
      stand.answer('check --all', stdout: list)
      stand.answer('check', stdout: check_of('is-1', level: '2.0.0').to_json)
      expect(prefetch(pack).first.level).to eq('2.0.0')
    end

    it 'keeps one broken instance from hiding the others' do
      broken = failure('check', kind: 'home-missing', exit: 1, message: 'cannot open /opt/is', instance: 'is-2')
      stand.answer('check --all', stdout: list(check_of('is-1'), broken), exit: 1)
      stand.answer('check', stdout: broken.to_json, exit: 1)
      one, two = prefetch(pack('is-1'), pack('is-2'))

      expect(one.ensure).to eq(:running)
      expect { two.ensure }.to raise_error(Puppet::Error, %r{cannot open /opt/is \[home-missing, exit 1\]})
    end

    it 'leaves an agent that answers nonsense to each resource' do
      stand.answer('check --all', stdout: 'oops', exit: 1)
      stand.answer('check', stdout: 'oops', exit: 1)
      expect { prefetch(pack).first.ensure }.to raise_error(Puppet::Error, /stdout: oops/)
    end
  end

  describe 'absence' do
    it 'is what the agent calls an unknown instance' do
      stand.answer('check', stdout: failure('check', kind: 'unknown-instance', exit: 2).to_json, exit: 2)
      expect(pack.provider.ensure).to eq(:absent)
    end

    %w[settings permission home-missing not-a-pack io internal].each do |kind|
      it "is not a failure of kind #{kind}" do
        stand.answer('check', stdout: failure('check', kind: kind, exit: 1, hint: 'look here').to_json, exit: 1)
        expect { pack.provider.ensure }.to raise_error(Puppet::Error, /\[#{kind}, exit 1\]; hint: look here/)
      end
    end

    it 'is a missing agent under noop only' do
      expect(pack(agent: '/nowhere/pitstop', noop: true).provider.ensure).to eq(:absent)
      expect { pack(agent: '/nowhere/pitstop').provider.ensure }.to raise_error(Puppet::MissingCommand)
    end
  end

  describe 'level' do
    def reached?(found, wanted, dry_run: nil, exit: 0, **attributes)
      stand.answer('update --dry-run', stdout: dry_run.to_json, exit: exit) if dry_run
      provider_of(found, level: wanted, **attributes).level_reached?(wanted)
    end

    it 'is reached without asking where the check already tells' do
      expect(reached?(check_of('is-1', level: '1.0.0'), '1.0.0')).to be(true)
      expect(reached?(check_of('is-1'), 'latest')).to be(true)
      expect(stand.calls).to be_empty
    end

    it 'is decided by the dry run where it does not' do
      same = report('update', changed: false, plan: nil)
      expect(reached?(check_of('is-1', level: '1.0'), '1.0.0', dry_run: same)).to be(true)
      newer = report('update', changed: true)
      expect(reached?(check_of('is-1', newer: ['1.1.0']), 'latest', dry_run: newer)).to be(false)
      expect(reached?(check_of('is-1'), 'latest', source: '/srv/p', dry_run: same)).to be(true)
      expect(stand.calls).to eq(
        ['update is-1 --level 1.0.0 --dry-run', 'update is-1 --dry-run', 'update is-1 --from /srv/p --dry-run']
      )
    end

    it 'is not the latest where the source cannot be read, which the dry run and the update tell' do
      blocked = check_of('is-1').merge('blockers' => [{ 'kind' => 'source', 'message' => 'no /srv/packs', 'exit' => 1 }])
      refused = failure('update', kind: 'source', exit: 1, message: 'cannot read /srv/packs')
      expect(reached?(blocked, 'latest', dry_run: refused, exit: 1)).to be(false)
      expect { reached?(blocked, 'latest', dry_run: refused, exit: 1, noop: true) }
        .to raise_error(Puppet::Error, %r{cannot read /srv/packs \[source, exit 1\]})
    end

    it 'is not the latest where there is no source, which the update tells' do
      refused = failure('update', kind: 'usage', exit: 2, message: 'instance is-1 has no source')
      none = check_of('is-1', sourced: false)
      expect(reached?(none, 'latest', dry_run: refused, exit: 2)).to be(false)
      expect { reached?(none, 'latest', dry_run: refused, exit: 2, noop: true) }.to raise_error(Puppet::Error, /has no source/)
    end

    it 'is never reached by an interrupted instance' do
      found = check_of('is-1', level: '1.0.0', interrupted: { action: 'update', phase: 'committing' })
      expect(reached?(found, '1.0.0')).to be(false)
    end

    it 'under noop fails where the update would be refused' do
      refused = failure('update', kind: 'held', exit: 6, message: 'demo 1.1.0 failed here before')
      found = check_of('is-1', level: '1.0.0')
      expect { reached?(found, '1.1.0', dry_run: refused, exit: 6, noop: true) }
        .to raise_error(Puppet::Error, /demo 1.1.0 failed here before \[held, exit 6\]/)
    end

    # Else the conflicting files would never be staged for a person.
    it 'without noop leaves the refusal to the update itself' do
      refused = failure('update', kind: 'conflicts', exit: 3)
      expect(reached?(check_of('is-1', level: '1.0.0'), '1.1.0', dry_run: refused, exit: 3)).to be(false)
    end
  end

  describe 'changes' do
    it 'pass everything that was asked for in one call' do
      stand.answer('update', stdout: report('update').to_json)
      provider_of(check_of('is-1'), source: '/srv/p', plan: 'ab12', allow_downgrade: true,
                                     acknowledge: %w[scripts-1 h2-2]).level = '0.9.0'
      expect(stand.calls).to eq(['update is-1 --from /srv/p --level 0.9.0 --plan ab12 --allow-downgrade ' \
                                 '--acknowledge scripts-1 --acknowledge h2-2'])
    end

    it 'leave the choice of the latest level to the agent' do
      stand.answer('update', stdout: report('update').to_json)
      provider_of(check_of('is-1')).level = 'latest'
      expect(stand.calls).to eq(['update is-1'])
    end

    it 'adopt with the pristine pack where there is one' do
      stand.answer('adopt', stdout: report('adopt').to_json)
      provider_of(check_of('is-1', adopted: false), pristine: '/srv/old.zip').adopt = :true
      expect(stand.calls).to eq(['adopt is-1 --pristine /srv/old.zip'])
    end

    it 'name the conflicts and where to resolve them' do
      conflict = { path: 'conf/a.yaml', class: 'config', kind: 'text', message: 'both sides changed line 3',
                   final_file: '/opt/is/.pitstop/a.final' }
      refused = failure('update', kind: 'conflicts', exit: 3, conflicts: [conflict])
      stand.answer('update', stdout: refused.to_json, exit: 3)

      expect { provider_of(check_of('is-1')).level = '1.1.0' }.to raise_error(
        Puppet::Error, %r{conf/a.yaml \(both sides changed line 3, put the result into /opt/is/.pitstop/a.final\)}
      )
    end

    it 'show the state after them, not the prefetched one' do
      stopped = check_of('is-1', state: 'stopped')['before']
      stand.answer('stop', stdout: report('stop', after: stopped).to_json)
      provider = provider_of(check_of('is-1', state: 'running'))
      provider.ensure = :stopped
      expect(provider.ensure).to eq(:stopped)
    end
  end
end
