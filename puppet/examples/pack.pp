# A server at one exact level, kept running. What the instance is (product, home, user, service, probes) stands in the
# agent's own file.
file { '/etc/pitstop/instances.d/is-1.yaml':
  ensure  => file,
  mode    => '0644',
  content => @(YAML),
    name: is-1
    product: wso2is
    home: /opt/wso2is
    service:
      unit: wso2is.service
    | YAML
}

pitstop_pack { 'is-1':
  ensure => running,
  adopt  => true,
  level  => '7.1.0.41',
  source => '/srv/packs',
}
