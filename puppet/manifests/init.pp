# @summary The agent on this host: its package, its settings, and the packs that it keeps.
#
# Paths and the package's name come from the module's own data; a site's data wins. What is said of `packs`, `policy`,
# `rollout`, `trust`, `release_policy`, `evidence` and `resolutions` in several places of a site's data adds up.
#
# @example From Hiera
#   # manifest
#   include pitstop
#   # data
#   pitstop::environment: staging
#   pitstop::rollout:
#     windows:
#       - { days: [sat, sun], from: '22:00', to: '04:00', zone: Europe/Berlin }
#   pitstop::packs:
#     is-1:
#       product: wso2is
#       home: /opt/wso2is
#       source: /srv/packs
#       level: '7.1.0.41'
#
# @param package_name
#   The package with the agent.
# @param package_cache
#   The folder for a package that Puppet carries to the host.
# @param package_provider
#   What installs a package from a file: `dpkg` or `rpm`, as the system needs it.
# @param agent
#   The agent: an absolute path, or a name that is looked up in PATH.
# @param config_dir
#   The agent's settings. The folder and `instances.d` in it are made; nothing in them is ever purged.
# @param state_dir
#   The agent's state, which the agent makes itself.
# @param manage_package
#   Whether the package is installed here. Without it, the agent must be there or come from elsewhere in the catalog.
# @param package_ensure
#   Its version, `installed` or `latest`. Without it, what `package_source` is, or else `installed`.
# @param package_source
#   A file with the package, where no repository has it: a path on the host, or `puppet:///…`.
# @param environment
#   What reports call the environment of this host, such as `staging`.
# @param limits
#   Limits on what an archive may hold.
# @param policy
#   What an update may do, for every pack that does not say otherwise.
# @param rollout
#   When packs may change, for every pack that does not say otherwise: shares of the fleet, maintenance windows, a lock. `{}`
#   takes away what was said before; a file without any setting is left as it is.
# @param products
#   A folder with product profiles that replace or extend the built-in ones.
# @param trust
#   Public keys by the name of their file in `<config_dir>/trust`. Others there stay.
# @param trust_roles
#   Whom the host trusts, the content of `trust.yaml` there. Its keys are texts, or files of `trust` by their names.
# @param release_policy
#   What a release must bring before it is staged, by product; `default` is for all, and `{}` demands nothing any more. `policy`
#   is about something else: what an update may do.
# @param evidence
#   Signed evidence, scans and approvals by the name of their file in `<config_dir>/evidence.d`. Others there stay.
# @param resolutions
#   Decisions about conflicts that `pitstop conflicts export` wrote, by the name of their file in
#   `<config_dir>/resolutions.d`. Others there stay.
# @param packs
#   Packs by their instance's name, with the parameters of `pitstop::pack`.
class pitstop (
  String[1]                                  $package_name,
  Pitstop::Path                              $package_cache,
  Optional[Enum['dpkg', 'rpm']]              $package_provider,
  Pitstop::Agent                             $agent,
  Pitstop::Path                              $config_dir,
  Pitstop::Path                              $state_dir,
  Boolean                                    $manage_package = true,
  Optional[String[1]]                        $package_ensure = undef,
  Optional[Pitstop::Origin]                  $package_source = undef,
  Optional[String[1]]                        $environment    = undef,
  Optional[Pitstop::Limits]                  $limits         = undef,
  Optional[Pitstop::Policy]                  $policy         = undef,
  Optional[Pitstop::Rollout]                 $rollout        = undef,
  Optional[Pitstop::Path]                    $products       = undef,
  Hash[Pitstop::Filename, Pitstop::Carried]  $trust          = {},
  Optional[Pitstop::Trust]                   $trust_roles    = undef,
  Optional[Hash[String[1],
      Pitstop::Demands]]                     $release_policy = undef,
  Hash[Pitstop::Decisions, Pitstop::Carried] $evidence       = {},
  Hash[Pitstop::Decisions, Pitstop::Carried] $resolutions    = {},
  Hash[Pitstop::Instance, Hash]              $packs          = {},
) {
  # One name for every version: noop carries none to the host, and reads the one that is there.
  $package_file = $package_source ? {
    /\Apuppet:.*?(\.\w+)?\z/ => "${package_cache}/pitstop${1}",
    default                  => $package_source,
  }
  $folder = { 'ensure' => 'directory', 'owner' => 'root', 'group' => 'root', 'mode' => '0755' }
  $file = { 'ensure' => 'file', 'owner' => 'root', 'group' => 'root', 'mode' => '0644' }

  if $manage_package {
    if $package_file != $package_source {
      file {
        $package_cache: * => $folder;
        $package_file:
          source => $package_source,
          before => Package['pitstop'],
          *      => $file;
      }
    }
    # Only a package from a file needs another provider than the system's.
    $provider = $package_file ? { undef => undef, default => $package_provider }
    # What is installed is compared with the file only for the latest, which is then what the file is.
    $of_file = $provider ? { undef => 'installed', default => 'latest' }
    $ensure = $package_ensure ? { undef => $of_file, default => $package_ensure }
    package { 'pitstop':
      ensure   => $ensure,
      name     => $package_name,
      source   => $package_file,
      provider => $provider,
    }
  }

  file { [$config_dir, "${config_dir}/instances.d"]: * => $folder }

  # An existing file of the operator's stays where nothing is said here; an empty value is something said.
  $settings = {
    'environment' => $environment,
    'limits'      => $limits,
    'policy'      => $policy,
    'rollout'     => $rollout,
    'products'    => $products,
  }
  if $settings.any |$name, $value| { $value =~ NotUndef } {
    file { "${config_dir}/pitstop.yaml":
      content => pitstop::to_yaml($settings),
      *       => $file,
    }
  }

  $shipped = { 'trust' => $trust, 'evidence.d' => $evidence, 'resolutions.d' => $resolutions }
  $shipped.each |$name, $files| {
    unless $files.empty and !($name == 'trust' and $trust_roles) {
      file { "${config_dir}/${name}": * => $folder }
    }
    $files.each |$path, $from| {
      file { "${config_dir}/${name}/${path}": * => $file + $from }
    }
  }

  if $trust_roles {
    $kept = $trust.filter |$name, $from| { !('ensure' in $from) }
    file { "${config_dir}/trust/trust.yaml":
      content => pitstop::to_yaml($trust_roles),
      # After what it names, and before what it names no more: in between, the agent would miss them.
      require => $kept.keys.map |$name| { File["${config_dir}/trust/${name}"] },
      before  => ($trust - $kept).keys.map |$name| { File["${config_dir}/trust/${name}"] },
      *       => $file,
    }
  }
  if $release_policy {
    file { "${config_dir}/policy.yaml":
      content => pitstop::to_yaml($release_policy),
      *       => $file,
    }
  }

  $packs.each |$instance, $parameters| {
    pitstop::pack { $instance:
      * => $parameters,
    }
  }
}
