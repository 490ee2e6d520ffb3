# @summary One server that was delivered as a pack: described to the agent, taken over, and kept as it is told here.
#
# The pack itself must be on the host already. What requires `Pitstop::Pack['is-1']` is applied only if the server is
# healthy.
#
# @example An Identity Server at one exact level
#   pitstop::pack { 'is-1':
#     product => 'wso2is',
#     home    => '/opt/wso2is',
#     unit    => 'wso2is.service',
#     user    => 'wso2',
#     source  => '/srv/packs',
#     level   => '7.1.0.41',
#     values  => {
#       'server' => { 'hostname' => 'is.example.com' },
#       'admin'  => { 'password' => Sensitive(lookup('is_admin_password')) },
#     },
#   }
#
# @param product
#   The product's profile.
# @param home
#   The pack's folder.
# @param ensure
#   Whether the server runs: `running`, `stopped`, or `present` to leave it as it is.
# @param level
#   An exact level in quotes, or `latest` for the highest that a folder offers of the installed release line. Without it,
#   the level is left alone.
# @param source
#   Where updates come from: a pack, a folder of packs, or the vendor's update tool.
# @param adopt
#   Whether a pack that pitstop did not install is taken over.
# @param pristine
#   The vendor's pack of the installed level, from which the adoption learns what was customised.
# @param allow_downgrade
#   Whether `level` may be lower than the installed one. To go back, the task `pitstop::rollback` is the better way.
# @param acknowledge
#   Ids of manual steps of the update that have been taken care of.
# @param user
#   The user that the server runs as; without it, the owner of the home.
# @param unit
#   The systemd unit that runs the server, instead of the product's scripts.
# @param service
#   How the server is started and stopped where the profile's way does not fit.
# @param probes
#   Checks in addition to the profile's.
# @param policy
#   What an update of this pack may do.
# @param rollout
#   When this pack may change; what it does not say is as in `pitstop::rollout`. What has to wait is no failure. A server is
#   restarted for a notification of `Pitstop_service` whenever that comes.
# @param vars
#   Values for the profile, such as ports.
# @param config
#   What is configured, and from which files with values. Without it and without `values`, the configuration is left
#   alone.
# @param values
#   Values for the templates, which win over those from files. They are written to no file; texts may be Sensitive.
# @param strict
#   Whether values that no template needs are refused.
# @param verify
#   Whether a running server is verified at the end of every run.
# @param timeout
#   Seconds that one call of the agent may take; a change is asked to end then, and gets as long again.
define pitstop::pack (
  String[1]                                           $product,
  Pitstop::Path                                       $home,
  Enum['present', 'running', 'stopped']               $ensure          = 'running',
  Optional[Pitstop::Level]                            $level           = undef,
  Optional[Pitstop::Source]                           $source          = undef,
  Boolean                                             $adopt           = true,
  Optional[Pitstop::Path]                             $pristine        = undef,
  Boolean                                             $allow_downgrade = false,
  Array[Pattern[/\A[A-Za-z0-9][A-Za-z0-9._-]*\z/]]    $acknowledge     = [],
  Optional[String[1]]                                 $user            = undef,
  Optional[String[1]]                                 $unit            = undef,
  Optional[Pitstop::Service]                          $service         = undef,
  Optional[Array[Pitstop::Probe]]                     $probes          = undef,
  Optional[Pitstop::Policy]                           $policy          = undef,
  Optional[Pitstop::Rollout]                          $rollout         = undef,
  Optional[Hash[String[1], Data]]                     $vars            = undef,
  Optional[Pitstop::Config]                           $config          = undef,
  Optional[Variant[Hash[String[1], Any],
      Sensitive[Hash[String[1], Any]]]]               $values          = undef,
  Boolean                                             $strict          = false,
  Boolean                                             $verify          = true,
  Integer[1]                                          $timeout         = 10800,
) {
  include pitstop

  assert_type(Pitstop::Instance, $name)
  if $level == 'latest' and $source =~ Hash and 'vendor-tool' in $source {
    fail('the vendor\'s tool is asked for an exact level only: nobody logs in just to look')
  }

  $common = {
    'agent'      => $pitstop::agent,
    'config_dir' => $pitstop::config_dir,
    'state_dir'  => $pitstop::state_dir,
    'user'       => $user,
    'unit'       => $unit,
    'timeout'    => $timeout,
  }
  $own_unit = $unit ? { undef => {}, default => { 'unit' => $unit } }
  $control = $own_unit + ($service ? { undef => {}, default => $service })
  $described = $control.empty ? { true => undef, default => $control }
  # Values alone: the product's own list of files.
  $listed = $config ? { undef => {}, default => $config }
  $configured = $config =~ NotUndef or $values =~ NotUndef
  $files = $configured ? { true => $listed, default => undef }
  $state = $ensure ? { 'present' => undef, default => $ensure }

  file { "${pitstop::config_dir}/instances.d/${name}.yaml":
    ensure  => file,
    owner   => 'root',
    group   => 'root',
    mode    => '0644',
    content => pitstop::to_yaml({
        'name'    => $name,
        'product' => $product,
        'home'    => $home,
        'user'    => $user,
        'source'  => $source,
        'service' => $described,
        'probes'  => $probes,
        'policy'  => $policy,
        'rollout' => $rollout,
        'vars'    => $vars,
        'config'  => $files,
    }),
  }

  pitstop_pack { $name:
    ensure          => $ensure,
    adopt           => $adopt,
    pristine        => $pristine,
    level           => $level,
    allow_downgrade => $allow_downgrade,
    acknowledge     => $acknowledge,
    *               => $common,
  }

  if $configured {
    pitstop_config { $name:
      values => $values,
      strict => $strict,
      *      => $common,
    }
  }

  # What to notify where something that the server reads at its start is changed by the catalog.
  pitstop_service { $name:
    ensure => $state,
    *      => $common,
  }

  if $verify and $ensure == 'running' {
    pitstop_verified { $name:
      * => $common,
    }
  }
}
