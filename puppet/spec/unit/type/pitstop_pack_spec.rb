# frozen_string_literal: true

require 'spec_helper'

describe Puppet::Type.type(:pitstop_pack) do
  def pack(**attributes)
    described_class.new({ name: 'is-1' }.merge(attributes))
  end

  it 'leaves the server as it is, with the agent of PATH, unless told otherwise' do
    expect(pack.to_hash).to include(
      ensure: :present, agent: 'pitstop', config_dir: '/etc/pitstop', state_dir: '/var/lib/pitstop', timeout: 10_800
    )
  end

  {
    'a removal' => [{ ensure: :absent }, /never removes a pack/],
    'an unknown state' => [{ ensure: :paused }, /Invalid value :paused/],
    'a name with a slash' => [{ name: '../x' }, /not the name of an instance/],
    'a level that lost its digits' => [{ level: 7.10 }, /put quotes around the level 7.1/],
    'a level that reads as an option' => [{ level: '--deep' }, /is not a level/],
    'an empty level' => [{ level: '' }, /is not a level/],
    'a relative source' => [{ source: 'packs' }, /source must be an absolute path/],
    'a relative pristine pack' => [{ pristine: './p.zip' }, /pristine must be an absolute path/],
    'what is no id of a manual step' => [{ acknowledge: ['scripts-1', '--all'] }, /not the id of a manual step/],
    'what is no plan id' => [{ plan: 'latest' }, /not the id of a plan/],
    'time in words' => [{ timeout: '5m' }, /timeout must be whole seconds/],
    'adoption by a word' => [{ adopt: 'maybe' }, /Invalid value "maybe"/]
  }.each do |what, (attributes, message)|
    it "refuses #{what}" do
      expect { pack(**attributes) }.to raise_error(Puppet::Error, message)
    end
  end

  it 'takes a whole number as a level' do
    expect(pack(level: 7)[:level]).to eq('7')
  end

  it 'lets `present` be any state of an existing pack' do
    property = pack.property(:ensure)
    expect(%i[running stopped unknown absent].map { |is| property.insync?(is) }).to eq([true, true, true, false])
  end

  it 'never undoes an adoption' do
    expect(pack(adopt: false).property(:adopt)).to be_insync(:true)
    expect(pack(adopt: true).property(:adopt)).not_to be_insync(:false)
  end

  describe 'autorequires' do
    def required(resources, **attributes)
      catalog = Puppet::Resource::Catalog.new
      target = pack(**attributes)
      catalog.add_resource(target, *resources)
      target.autorequire.map { |edge| edge.source.ref }
    end

    def file(path)
      Puppet::Type.type(:file).new(path: path)
    end

    it 'the agent, the settings, the source and the pristine pack' do
      paths = %w[/opt/pitstop /c /c/instances.d /c/instances.d/is-1.yaml /srv/packs /srv/old.zip]
      found = required(paths.map { |path| file(path) },
                       agent: '/opt/pitstop', config_dir: '/c', source: '/srv/packs', pristine: '/srv/old.zip')
      expect(found).to match_array(paths.map { |path| "File[#{path}]" })
    end
  end
end
