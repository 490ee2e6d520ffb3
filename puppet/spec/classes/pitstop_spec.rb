# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop' do
  let(:settings) { catalogue.resource('File', '/etc/pitstop/pitstop.yaml')[:content] }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_package('pitstop').with(ensure: 'installed', name: 'pitstop', provider: nil) }

  it 'makes the folders of the settings, purges nothing, and leaves settings alone that it knows nothing of' do
    %w[/etc/pitstop /etc/pitstop/instances.d].each do |folder|
      is_expected.to contain_file(folder).with(ensure: 'directory', mode: '0755').without(%w[purge recurse force])
    end
    is_expected.not_to contain_file('/etc/pitstop/pitstop.yaml')
  end

  context 'with a package from a file' do
    let(:params) { { package_source: '/srv/pitstop_0.1.0_amd64.deb' } }

    it { is_expected.to contain_package('pitstop').with(source: '/srv/pitstop_0.1.0_amd64.deb', provider: 'dpkg') }
  end

  context 'without the package' do
    let(:params) { { manage_package: false } }

    it { is_expected.not_to contain_package('pitstop') }
  end

  context 'with settings' do
    let(:params) { { policy: { 'keep_snapshots' => 3 }, limits: { 'ratio' => 50 }, products: '/srv/profiles' } }

    it 'writes exactly these' do
      expect(YAML.safe_load(settings)).to eq(
        'policy' => { 'keep_snapshots' => 3 }, 'limits' => { 'ratio' => 50 }, 'products' => '/srv/profiles'
      )
    end
  end

  context 'with packs' do
    let(:params) { { packs: { 'is-1' => { 'product' => 'wso2is', 'home' => '/opt/wso2is' } }, agent: '/opt/pitstop' } }

    it { is_expected.to contain_pitstop__pack('is-1').with(product: 'wso2is', home: '/opt/wso2is') }
    it { is_expected.to contain_pitstop_pack('is-1').with(agent: '/opt/pitstop') }
  end

  {
    'a relative folder' => { config_dir: 'etc' },
    'an unknown policy' => { policy: { 'keep' => 3 } },
    'no snapshot at all' => { policy: { 'keep_snapshots' => 0 } },
    'an instance with a slash' => { packs: { '../x' => {} } },
    'a relative agent' => { agent: 'bin/pitstop' }
  }.each do |what, wrong|
    context "with #{what}" do
      let(:params) { wrong }

      it { is_expected.to compile.and_raise_error(/expects|unrecognized/) }
    end
  end
end
