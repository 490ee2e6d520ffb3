# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop::pack' do
  let(:title) { 'is-1' }
  let(:needed) { { product: 'wso2is', home: '/opt/wso2is' } }
  let(:params) { needed }
  let(:file) { '/etc/pitstop/instances.d/is-1.yaml' }
  let(:instance) { YAML.safe_load(catalogue.resource('File', file)[:content]) }

  it { is_expected.to compile.with_all_deps }
  it { is_expected.to contain_class('pitstop') }

  it 'describes, adopts, starts and verifies, and leaves level and configuration alone' do
    expect(instance).to eq('name' => 'is-1', 'product' => 'wso2is', 'home' => '/opt/wso2is')
    is_expected.to contain_pitstop_pack('is-1').with(ensure: 'running', adopt: true).without('level')
    is_expected.to contain_pitstop_service('is-1').with(ensure: 'running')
    is_expected.to contain_pitstop_verified('is-1')
    is_expected.not_to contain_pitstop_config('is-1')
  end

  it 'comes in the order of what a server needs' do
    ral = catalogue.to_ral
    required = ->(ref) { ral.resource(ref).autorequire.map { |edge| edge.source.ref } }
    expect(required['Pitstop_pack[is-1]']).to include("File[#{file}]", 'Package[pitstop]')
    expect(required['Pitstop_service[is-1]']).to include('Pitstop_pack[is-1]')
    expect(required['Pitstop_verified[is-1]']).to include('Pitstop_service[is-1]')
  end

  context 'with everything' do
    let(:params) do
      needed.merge(
        level: '7.1.0.41', source: '/srv/packs', pristine: '/srv/old.zip', acknowledge: ['h2-1'],
        user: 'wso2', unit: 'wso2is.service',
        service: { 'start_timeout_s' => 300 }, policy: { 'binary' => 'keep' }, vars: { 'offset' => 1 }, timeout: 60,
        probes: [{ 'name' => 'login', 'http' => { 'url' => 'https://localhost:9443/', 'status' => 302 } }],
        rollout: { 'seed' => 'is-41', 'windows' => [] },
        config: { 'values' => ['../values/a.yaml'], 'files' => [{ 'path' => 'conf/a', 'keys' => { 'b' => true } }] },
        values: { 'server' => { 'hostname' => 'is.example.com' } }, strict: true
      )
    end

    it 'tells the agent' do
      expect(instance).to eq(
        'name' => 'is-1', 'product' => 'wso2is', 'home' => '/opt/wso2is', 'user' => 'wso2', 'source' => '/srv/packs',
        'service' => { 'unit' => 'wso2is.service', 'start_timeout_s' => 300 }, 'policy' => { 'binary' => 'keep' },
        'vars' => { 'offset' => 1 }, 'rollout' => { 'seed' => 'is-41', 'windows' => [] },
        'probes' => [{ 'name' => 'login', 'http' => { 'url' => 'https://localhost:9443/', 'status' => 302 } }],
        'config' => { 'values' => ['../values/a.yaml'], 'files' => [{ 'path' => 'conf/a', 'keys' => { 'b' => true } }] }
      )
    end

    it 'tells the types' do
      common = { user: 'wso2', unit: 'wso2is.service', timeout: 60 }
      is_expected.to contain_pitstop_pack('is-1')
        .with(level: '7.1.0.41', pristine: '/srv/old.zip', acknowledge: ['h2-1'], **common)
      is_expected.to contain_pitstop_config('is-1').with(strict: true, **common)
      is_expected.to contain_pitstop_service('is-1').with(common)
      is_expected.to contain_pitstop_verified('is-1').with(common)
    end
  end

  context 'with the tool of the vendor as its source' do
    let(:tool) { { 'vendor-tool' => { 'credentials' => { 'file' => '/etc/pitstop/wso2.yaml' } } } }
    let(:params) { needed.merge(source: tool, level: '7.1.0.41') }

    it { expect(instance['source']).to eq(tool) }

    context 'and whatever it has' do
      let(:params) { needed.merge(source: tool, level: 'latest') }

      it { is_expected.to compile.and_raise_error(/an exact level/) }
    end
  end

  context 'with bundles on a web server as its source' do
    let(:params) { needed.merge(source: { 'web' => { 'url' => 'https://h/is', 'ca' => 'ca.pem' } }, level: 'latest') }

    it { is_expected.to compile.with_all_deps }
    it { expect(instance['source']).to eq(params[:source]) }
  end

  context 'with secret values' do
    let(:params) { needed.merge(values: sensitive('admin' => { 'password' => 'pa55word' })) }

    it 'marks them, and writes them nowhere' do
      expect(instance).to include('config' => {})
      expect(catalogue.resource('Pitstop_config', 'is-1').sensitive_parameters).to eq([:values])
      expect(catalogue.resource('File', file)[:content]).not_to include('pa55word')
    end
  end

  { 'stopped' => 'stopped', 'present' => nil }.each do |state, service|
    context "with ensure => #{state}" do
      let(:params) { needed.merge(ensure: state) }

      it { is_expected.to contain_pitstop_pack('is-1').with(ensure: state) }
      it { is_expected.to contain_pitstop_service('is-1').with(ensure: service) }
      it { is_expected.not_to contain_pitstop_verified('is-1') }
    end
  end

  {
    'a relative home' => { home: 'opt' },
    'a level without quotes' => { level: 7.1 },
    'a removal' => { ensure: 'absent' },
    'a way to get updates that there is not' => { source: { 'ftp' => {} } },
    'an unknown way to start' => { service: { 'restart' => ['x'] } },
    'a probe without a name' => { probes: [{ 'tcp' => { 'port' => 1 } }] },
    'a window without an end' => { rollout: { 'windows' => [{ 'from' => '22:00' }] } },
    'a file outside the pack' => { config: { 'files' => [{ 'path' => '/etc/passwd' }] } }
  }.each do |what, wrong|
    context "with #{what}" do
      let(:params) { needed.merge(wrong) }

      it { is_expected.to compile.and_raise_error(/expects|unrecognized/) }
    end
  end

  context 'with the title of no instance' do
    let(:title) { '--all' }

    it { is_expected.to compile.and_raise_error(/expects a match for Pitstop::Instance/) }
  end
end
