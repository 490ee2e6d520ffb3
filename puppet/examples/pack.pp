# A server at one exact level, configured, kept running, and in the load balancer only while it is healthy.
pitstop::pack { 'is-1':
  product => 'wso2is',
  home    => '/opt/wso2is',
  unit    => 'wso2is.service',
  source  => '/srv/packs',
  level   => '7.1.0.41',
  values  => {
    'server' => { 'hostname' => 'is.example.com' },
    'admin'  => { 'password' => { 'secret' => { 'file' => '/etc/pitstop/secrets/is-admin' } } },
  },
}

file { '/var/lib/node-health/is-1':
  ensure  => file,
  content => "healthy\n",
  require => Pitstop::Pack['is-1'],
}
