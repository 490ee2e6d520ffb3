# @summary The agent on this host: its package, its settings, and the packs that it keeps.
#
# @example From Hiera
#   # manifest
#   include pitstop
#   # data
#   pitstop::packs:
#     is-1:
#       product: wso2is
#       home: /opt/wso2is
#       source: /srv/packs
#       level: '7.1.0.41'
#
# @param manage_package
#   Whether the package is installed here. Without it, the agent must be there or come from elsewhere in the catalog.
# @param package_name
#   The package with the agent.
# @param package_ensure
#   Its version, `installed` or `latest`.
# @param package_source
#   A file with the package, where no repository has it.
# @param agent
#   The agent: an absolute path, or a name that is looked up in PATH.
# @param config_dir
#   The agent's settings. The folder and `instances.d` in it are made; nothing in them is ever purged.
# @param state_dir
#   The agent's state, which the agent makes itself.
# @param limits
#   Limits on what an archive may hold.
# @param policy
#   What an update may do, for every pack that does not say otherwise.
# @param products
#   A folder with product profiles that replace or extend the built-in ones.
# @param packs
#   Packs by their instance's name, with the parameters of `pitstop::pack`.
class pitstop (
  Boolean                         $manage_package = true,
  String[1]                       $package_name   = 'pitstop',
  String[1]                       $package_ensure = 'installed',
  Optional[Pitstop::Path]         $package_source = undef,
  Pitstop::Agent                  $agent          = 'pitstop',
  Pitstop::Path                   $config_dir     = '/etc/pitstop',
  Pitstop::Path                   $state_dir      = '/var/lib/pitstop',
  Optional[Pitstop::Limits]       $limits         = undef,
  Optional[Pitstop::Policy]       $policy         = undef,
  Optional[Pitstop::Path]         $products       = undef,
  Hash[Pitstop::Instance, Hash]   $packs          = {},
) {
  if $manage_package {
    # A file is no source for the usual providers.
    $provider = $package_source ? {
      /\.deb\z/ => 'dpkg',
      /\.rpm\z/ => 'rpm',
      default   => undef,
    }
    package { 'pitstop':
      ensure   => $package_ensure,
      name     => $package_name,
      source   => $package_source,
      provider => $provider,
    }
  }

  file { [$config_dir, "${config_dir}/instances.d"]:
    ensure => directory,
    owner  => 'root',
    group  => 'root',
    mode   => '0755',
  }

  # An existing file of the operator's stays where nothing is said here.
  $settings = { 'limits' => $limits, 'policy' => $policy, 'products' => $products }
  if $settings.any |$name, $value| { $value =~ NotUndef } {
    file { "${config_dir}/pitstop.yaml":
      ensure  => file,
      owner   => 'root',
      group   => 'root',
      mode    => '0644',
      content => pitstop::to_yaml($settings),
    }
  }

  $packs.each |$instance, $parameters| {
    pitstop::pack { $instance:
      * => $parameters,
    }
  }
}
