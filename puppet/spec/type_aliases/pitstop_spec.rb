# frozen_string_literal: true

require 'spec_helper'

# What the data types take and refuse. Whether the agent takes what they take, tests/puppet/run.sh shows.
{
  'Pitstop::Wave' => [
    [{ 'percent' => 1, 'opens' => '2026-12-01T08:00:00Z' }, { 'percent' => 0.5, 'opens' => '2026-12-01T08:00:00.5+01:00' }],
    [{ 'percent' => 0, 'opens' => '2026-12-01T08:00:00Z' }, { 'percent' => 101, 'opens' => '2026-12-01T08:00:00Z' },
     { 'percent' => 1, 'opens' => '2026-12-01' }, { 'percent' => 1, 'opens' => '2026-12-01T08:00:00' }, { 'percent' => 1 }]
  ],
  'Pitstop::Window' => [
    [{ 'from' => '22:00', 'to' => '04:00' },
     { 'days' => %w[sat sun], 'from' => '00:00', 'to' => '00:00', 'zone' => 'America/Argentina/Buenos_Aires' }],
    [{ 'from' => '22:00' }, { 'from' => '24:00', 'to' => '04:00' }, { 'from' => '9:00', 'to' => '10:00' },
     { 'days' => ['Sat'], 'from' => '22:00', 'to' => '04:00' }, { 'days' => [], 'from' => '22:00', 'to' => '04:00' },
     { 'from' => '22:00', 'to' => '04:00', 'zone' => '../UTC' }]
  ],
  'Pitstop::Lock' => [
    [{ 'group' => 'is' }, { 'fleetlock' => 'https://lock.example.com', 'wait_s' => 0, 'after_rollback' => 'keep' }],
    [{ 'fleetlock' => 'lock.example.com' }, { 'wait_s' => -1 }, { 'after_rollback' => 'wait' }, { 'token' => 'x' }]
  ],
  'Pitstop::Rollout' => [
    [{}, { 'waves' => [], 'seed' => 'is-41', 'windows' => [], 'lock' => { 'group' => 'is' } }],
    [{ 'wave' => [] }, { 'seed' => 41 }, { 'lock' => 'https://lock.example.com' }]
  ],
  'Pitstop::Carried' => [
    [{ 'content' => 'x' }, { 'source' => 'puppet:///modules/site/x' }, { 'source' => '/srv/x' }, { 'ensure' => 'absent' }],
    [{}, { 'ensure' => 'file' }, { 'ensure' => 'absent', 'content' => 'x' }, { 'content' => '' }, { 'source' => 'https://example.com/x' }, { 'source' => 'x' }, { 'content' => 'x', 'source' => '/srv/x' }]
  ],
  'Pitstop::Demands' => [
    [{}, { 'unsigned' => 'allow', 'max_age' => '30d', 'hold' => ['7.1.0.40'] },
     { 'evidence' => [{ 'environment' => 'dev' }], 'scan' => { 'max_severity' => 'high', 'max_age' => '1w' } },
     { 'approvals' => { 'threshold' => 2, 'names' => %w[alice bob] } }],
    [{ 'unsigned' => 'no' }, { 'evidence' => [{ 'hosts' => 1 }] }, { 'evidence' => [{ 'environment' => 'dev', 'hosts' => 0 }] },
     { 'scan' => { 'max_severity' => 'awful' } }, { 'max_age' => 'soon' }, { 'max_age' => 30 }]
  ],
  'Pitstop::Trust' => [
    [{ 'version' => 1, 'roles' => {} },
     { 'version' => 3, 'roles' => { 'trust' => { 'threshold' => 2, 'keys' => [{ 'name' => 'alice', 'key' => 'ssh-ed25519 AAAA' }] } },
       'expires' => '2027-01-31T00:00:00Z', 'revoked' => ['0' * 64] }],
    [{ 'version' => 0, 'roles' => {} }, { 'version' => 1 }, { 'version' => 1, 'roles' => { 'release' => { 'keys' => [] } } },
     { 'version' => 1, 'roles' => { 'release' => { 'keys' => ['../x.pem'] } } }, { 'version' => 1, 'roles' => { 'scan' => { 'keys' => ['x'] } } },
     { 'version' => 1, 'roles' => {}, 'expires' => '2027-01-31' }, { 'version' => 1, 'roles' => {}, 'revoked' => ['x'] }]
  ],
  'Pitstop::Source' => [
    ['/srv/packs', 'https://updates.example.com/is', { 'web' => { 'url' => 'https://h/is', 'ca' => 'ca.pem', 'token' => 'token.txt' } },
     { 'web' => { 'url' => 'https://h/is', 'proxy' => { 'https' => 'http://proxy:3128', 'no_proxy' => '.example.com' } } },
     { 'vendor-tool' => { 'credentials' => { 'env' => true } } }],
    ['packs', 'http://h/is', 'https://user:pw@h/is', 'https://', {}, { 'web' => { 'url' => 'http://h/is' } }, { 'web' => {} },
     { 'web' => { 'url' => 'https://h', 'proxy' => { 'http' => 'http://proxy:3128' } } }, { 'web' => { 'url' => 'https://h' }, 'vendor-tool' => {} }]
  ],
  'Pitstop::Policy' => [
    [{ 'not_superseded' => ['wso2am-4.2.0-abc-hf-1'] }], [{ 'keep_snapshots' => 0 }]
  ]
}.each do |type, (good, bad)|
  describe type do
    it { is_expected.to allow_values(*good) }
    it { is_expected.not_to allow_values(*bad) }

    bad.each { |value| it { is_expected.not_to allow_value(value) } }
  end
end
