# frozen_string_literal: true

require 'spec_helper'

# What all types have in common.
%i[pitstop_pack pitstop_service pitstop_config pitstop_verified].each do |type|
  describe Puppet::Type.type(type) do
    def instance(**attributes)
      described_class.new({ name: 'is-1' }.merge(attributes))
    end

    def required(*resources, **attributes)
      catalog = Puppet::Resource::Catalog.new
      target = instance(**attributes)
      catalog.add_resource(target, *resources)
      target.autorequire.map { |edge| edge.source.ref }
    end

    def files(*paths)
      paths.map { |path| Puppet::Type.type(:file).new(path: path) }
    end

    {
      'a name that reads as an option' => [{ name: '--all' }, /not the name of an instance/],
      'a relative agent' => [{ agent: 'bin/pitstop' }, /agent must be an absolute path/],
      'a relative settings folder' => [{ config_dir: 'etc' }, /config_dir must be an absolute path/],
      'a relative state folder' => [{ state_dir: 'var' }, /state_dir must be an absolute path/],
      'no time at all' => [{ timeout: 0 }, /timeout must be whole seconds/],
      'a user with a slash' => [{ user: '../x' }, /is not the name of a user/],
      'a unit with a slash' => [{ unit: 'a/b.service' }, /is not the name of a unit/],
      'a removal, and so a purge' => [{ ensure: :absent }, /never removes|Invalid value/]
    }.each do |what, (attributes, message)|
      it "refuses #{what}" do
        expect { instance(**attributes) }.to raise_error(Puppet::Error, message)
      end
    end

    it 'requires the settings and what they may point to, and no other instance' do
      found = required(*files('/c', '/c/pitstop.yaml', '/c/values/a.yaml', '/c/instances.d', '/c/instances.d/is-1.yaml',
                              '/c/instances.d/is-2.yaml', '/cc/x'), config_dir: '/c')
      expect(found).to contain_exactly(
        'File[/c]', 'File[/c/pitstop.yaml]', 'File[/c/values/a.yaml]', 'File[/c/instances.d]',
        'File[/c/instances.d/is-1.yaml]'
      )
    end

    it 'requires the agent, its package, the user, and the unit with what is dropped in' do
      user = Puppet::Type.type(:user).new(name: 'wso2')
      package = Puppet::Type.type(:package).new(name: 'pitstop')
      unit = '/etc/systemd/system/is@1.service'
      found = required(*files('/usr/bin/pitstop', unit, "#{unit}.d/limits.conf", '/etc/systemd/system/other.service'),
                       user, package, user: 'wso2', unit: 'is@1.service')
      expect(found).to contain_exactly(
        'File[/usr/bin/pitstop]', "File[#{unit}]", "File[#{unit}.d/limits.conf]", 'User[wso2]', 'Package[pitstop]'
      )
    end

    # A run with nothing to do should cost milliseconds.
    it 'makes Puppet load no type for its relations that costs a second' do
      named = []
      described_class.eachautorequire { |other, _| named << other.to_s }
      expect(named).to all(match(/\Afile\z|\Apitstop_/))
    end

    it 'documents its parameters for the reference' do
      source = File.read(File.expand_path("../../../lib/puppet/type/#{type}.rb", __dir__))
      missing = described_class.parameters.reject do |name|
        source.match?(/^# @!puppet.type.param #{name} \S|^  newparam\(:#{name}/) || Puppet::Type.metaparam?(name)
      end
      expect(missing - %i[provider]).to be_empty
    end
  end
end
