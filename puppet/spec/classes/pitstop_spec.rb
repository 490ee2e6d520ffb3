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

  { 'Debian' => 'dpkg', 'RedHat' => 'rpm', 'Suse' => 'rpm', 'Archlinux' => nil }.each do |family, provider|
    context "with a package from a file, on #{family}" do
      let(:facts) { { os: { family: family } } }
      let(:params) { { package_source: '/srv/pitstop.pack' } }

      it 'has the package of that file, also where an older one is installed' do
        is_expected.to contain_package('pitstop')
          .with(source: '/srv/pitstop.pack', provider: provider, ensure: provider ? 'latest' : 'installed')
      end

      it { is_expected.not_to contain_file('/var/cache/pitstop') }
    end
  end

  context 'with a package from the Puppet server' do
    let(:facts) { { os: { family: 'Debian' } } }
    let(:params) { { package_source: 'puppet:///modules/site/pitstop_0.1.0_amd64.deb' } }

    it { is_expected.to compile.with_all_deps }

    # Noop would fail to read one that is not carried yet.
    it 'carries it to the host first, under a name that stays for the next version' do
      path = '/var/cache/pitstop/pitstop.deb'
      is_expected.to contain_package('pitstop').with(source: path, provider: 'dpkg')
      is_expected.to contain_file(path).with(source: params[:package_source]).that_comes_before('Package[pitstop]')
    end
  end

  {
    'pitstop-0.1.0-1.x86_64.rpm' => 'pitstop.rpm', 'pitstop' => 'pitstop', 'v0.1/pitstop' => 'pitstop'
  }.each do |carried, name|
    context "with #{carried} from the Puppet server" do
      let(:params) { { package_source: "puppet:///modules/site/#{carried}" } }

      it { is_expected.to contain_file("/var/cache/pitstop/#{name}").with_source(params[:package_source]) }
    end
  end

  context 'with a version of the package from a file' do
    let(:facts) { { os: { family: 'Debian' } } }
    let(:params) { { package_source: '/srv/pitstop.deb', package_ensure: 'installed' } }

    it { is_expected.to contain_package('pitstop').with(ensure: 'installed') }
  end

  context 'without the package' do
    let(:params) { { manage_package: false } }

    it { is_expected.not_to contain_package('pitstop') }
  end

  context 'with settings' do
    let(:rollout) do
      { 'waves' => [{ 'percent' => 1, 'opens' => '2026-12-01T08:00:00Z' }], 'seed' => 'is-41',
        'windows' => [{ 'from' => '22:00', 'to' => '04:00' }], 'lock' => { 'fleetlock' => 'https://lock', 'wait_s' => 9 } }
    end
    let(:params) do
      { environment: 'staging', policy: { 'keep_snapshots' => 3 }, limits: { 'ratio' => 50 }, products: '/srv/profiles',
        rollout: rollout }
    end

    it 'writes exactly these, times as texts' do
      expect(YAML.safe_load(settings)).to eq(
        'environment' => 'staging', 'policy' => { 'keep_snapshots' => 3 }, 'limits' => { 'ratio' => 50 },
        'products' => '/srv/profiles', 'rollout' => rollout
      )
      is_expected.to contain_file('/etc/pitstop/pitstop.yaml').with(owner: 'root', mode: '0644')
    end
  end

  context 'with keys and decisions about conflicts' do
    let(:params) do
      { trust: { 'release.pub' => { 'source' => 'puppet:///modules/site/release.pub' } },
        resolutions: { 'am.json' => { 'content' => '{}' }, 'is.json' => { 'source' => '/srv/is.json' } } }
    end

    it { is_expected.to compile.with_all_deps }

    it 'ships them, which nobody else may write, and purges nothing' do
      %w[trust resolutions.d].each do |folder|
        is_expected.to contain_file("/etc/pitstop/#{folder}").with(ensure: 'directory', owner: 'root', mode: '0755')
          .without(%w[purge recurse force])
      end
      { 'trust/release.pub' => { source: 'puppet:///modules/site/release.pub' },
        'resolutions.d/am.json' => { content: '{}' }, 'resolutions.d/is.json' => { source: '/srv/is.json' } }
        .each do |path, from|
          is_expected.to contain_file("/etc/pitstop/#{path}").with(ensure: 'file', owner: 'root', mode: '0644', **from)
        end
    end
  end

  context 'with roles, a policy of releases and evidence' do
    let(:roles) do
      { 'version' => 2, 'expires' => '2027-01-31T00:00:00Z',
        'roles' => { 'release' => { 'threshold' => 2, 'keys' => %w[a.pem b.pem] }, 'evidence' => { 'staging' => { 'keys' => ['s.pem'] } } } }
    end
    let(:demands) do
      { 'default' => { 'unsigned' => 'refuse' },
        'wso2is' => { 'evidence' => [{ 'environment' => 'staging', 'hosts' => 2, 'soak' => '24h', 'suites' => ['smoke'] }] } }
    end
    let(:params) do
      { trust: { 'a.pem' => { 'content' => 'x' } }, trust_roles: roles, release_policy: demands,
        evidence: { 'staging-1.json' => { 'source' => 'puppet:///modules/site/staging-1.json' } } }
    end

    it { is_expected.to compile.with_all_deps }

    it 'writes exactly these, which nobody else may write, keys before who names them' do
      { 'trust/trust.yaml' => roles, 'policy.yaml' => demands }.each do |path, said|
        file = catalogue.resource('File', "/etc/pitstop/#{path}")
        expect(YAML.safe_load(file[:content])).to eq(said)
        is_expected.to contain_file("/etc/pitstop/#{path}").with(owner: 'root', group: 'root', mode: '0644')
      end
      is_expected.to contain_file('/etc/pitstop/trust/trust.yaml').that_requires('File[/etc/pitstop/trust/a.pem]')
      is_expected.to contain_file('/etc/pitstop/evidence.d/staging-1.json')
        .with(source: 'puppet:///modules/site/staging-1.json', owner: 'root', mode: '0644')
    end

    context 'and no keys' do
      let(:params) { { trust_roles: roles } }

      it { is_expected.to compile.with_all_deps }
      it { is_expected.to contain_file('/etc/pitstop/trust').with(ensure: 'directory') }
    end
  end

  context 'with what is to be in force no more' do
    let(:params) do
      gone = { 'ensure' => 'absent' }
      { rollout: {}, release_policy: {}, resolutions: { 'am.json' => gone }, trust: { 'old.pem' => gone, 'new.pem' => { 'content' => 'x' } },
        trust_roles: { 'version' => 2, 'roles' => { 'release' => { 'keys' => ['new.pem'] } } } }
    end

    it { is_expected.to compile.with_all_deps }

    it 'says so in the files, and removes those that are to be gone' do
      policy = catalogue.resource('File', '/etc/pitstop/policy.yaml')[:content]
      expect([settings, policy].map { |text| YAML.safe_load(text) }).to eq([{ 'rollout' => {} }, {}])
      is_expected.to contain_file('/etc/pitstop/resolutions.d/am.json').with_ensure('absent')
      is_expected.to contain_file('/etc/pitstop/trust/old.pem').with_ensure('absent')
        .that_requires('File[/etc/pitstop/trust/trust.yaml]')
      is_expected.to contain_file('/etc/pitstop/trust/new.pem').that_comes_before('File[/etc/pitstop/trust/trust.yaml]')
    end
  end

  context 'without any' do
    it { is_expected.not_to contain_file('/etc/pitstop/policy.yaml') }
    it { is_expected.not_to contain_file('/etc/pitstop/evidence.d') }
    it { is_expected.not_to contain_file('/etc/pitstop/trust') }
    it { is_expected.not_to contain_file('/etc/pitstop/resolutions.d') }
  end

  context 'with packs' do
    let(:params) { { packs: { 'is-1' => { 'product' => 'wso2is', 'home' => '/opt/wso2is' } }, agent: '/opt/pitstop' } }

    it { is_expected.to contain_pitstop__pack('is-1').with(product: 'wso2is', home: '/opt/wso2is') }
    it { is_expected.to contain_pitstop_pack('is-1').with(agent: '/opt/pitstop') }
  end

  context 'with data of a site' do
    let(:hiera_config) do
      layers = { 'node' => { 'pitstop::rollout' => { 'seed' => 'n' }, 'pitstop::packs' => { 'is-1' => { 'level' => '2' } } },
                 'all' => { 'pitstop::rollout' => { 'seed' => 'a', 'windows' => [] }, 'pitstop::state_dir' => '/srv/state',
                            'pitstop::packs' => { 'is-1' => { 'product' => 'wso2is', 'home' => '/opt/wso2is' } } } }
      layers.each { |name, data| File.write("#{folder}/#{name}.yaml", YAML.dump(data)) }
      hierarchy = layers.keys.map { |name| { 'name' => name, 'path' => "#{name}.yaml" } }
      defaults = { 'datadir' => folder, 'data_hash' => 'yaml_data' }
      File.write("#{folder}/hiera.yaml", YAML.dump('version' => 5, 'defaults' => defaults, 'hierarchy' => hierarchy))
      "#{folder}/hiera.yaml"
    end

    it 'adds up what is said in several places, and prefers it to the data of the module' do
      is_expected.to contain_pitstop__pack('is-1').with(product: 'wso2is', level: '2')
      is_expected.to contain_pitstop_pack('is-1').with(state_dir: '/srv/state', config_dir: '/etc/pitstop')
      expect(YAML.safe_load(settings)).to eq('rollout' => { 'seed' => 'n', 'windows' => [] })
    end
  end

  {
    'a relative folder' => { config_dir: 'etc' },
    'an unknown policy' => { policy: { 'keep' => 3 } },
    'no snapshot at all' => { policy: { 'keep_snapshots' => 0 } },
    'an instance with a slash' => { packs: { '../x' => {} } },
    'a key with a slash' => { trust: { '../x' => { 'content' => 'x' } } },
    'trust without a version' => { trust_roles: { 'roles' => {} } },
    'an unknown demand' => { release_policy: { 'default' => { 'unsinged' => 'refuse' } } },
    'evidence that is no JSON' => { evidence: { 'x.txt' => { 'content' => '{}' } } },
    'a decision that is no JSON' => { resolutions: { 'x.yaml' => { 'content' => '{}' } } },
    'a package from anywhere' => { package_source: 'https://example.com/pitstop.deb' },
    'an unknown rule of a rollout' => { rollout: { 'percent' => 1 } },
    'a relative agent' => { agent: 'bin/pitstop' }
  }.each do |what, wrong|
    context "with #{what}" do
      let(:params) { wrong }

      it { is_expected.to compile.and_raise_error(/expects|unrecognized/) }
    end
  end
end
