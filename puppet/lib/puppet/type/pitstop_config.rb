# frozen_string_literal: true

require_relative '../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

# @!puppet.type.param name The instance's name.
# @!puppet.type.param agent The agent: an absolute path, or a name that is looked up in PATH. Default: `pitstop`.
# @!puppet.type.param config_dir The agent's settings. Default: `/etc/pitstop`.
# @!puppet.type.param state_dir The agent's state. Default: `/var/lib/pitstop`.
# @!puppet.type.param timeout Seconds until a call of the agent is asked to end; a change gets as long again. Default: 10800.
# @!puppet.type.param user The user that the server runs as; required by itself, and not told to the agent.
# @!puppet.type.param unit The server's systemd unit; its files are required by themselves.
Puppet::Type.newtype(:pitstop_config) do
  @doc = <<~DOC
    @summary The configuration of an instance: files from templates and values, as its `config` section says.

    A change is one transaction of the agent: checked and staged while the server serves, a restart only if a file
    changes that is read at the start, and taken back if the server is unhealthy then. What must wait for a maintenance
    window or a lock is put off, which is no failure.

        pitstop_config { 'is-1':
          values => {
            'server' => { 'hostname' => 'is.example.com' },
            'admin'  => { 'password' => Sensitive(lookup('is_admin_password')) },
          },
        }

    Values reach the agent by its standard input only. A text that is `Sensitive` is a secret for the agent: reports
    and diffs have `<secret>` in its place.

    **Autorequires:** `Pitstop_pack` of the instance, the `File` resources of the agent, everything in `config_dir` but
    other instances, the unit, `Package['pitstop']` and the user.
  DOC

  include PuppetX::Pitstop::InstanceType

  # Not idempotent: other values are no correction of somebody else's change.
  newproperty(:ensure, idempotent: false) do
    desc 'That the files are as configured. There is no other value to ask for.'

    include PuppetX::Pitstop::Postponable

    newvalues(:applied)
    defaultto :applied

    def change_to_s(is, should)
      [super, *provider.outcomes[:ensure]].join(': ')
    end
  end

  newparam(:values) do
    desc <<~DOC
      Values for the templates, which win over those of the instance's files. Texts may be `Sensitive`, and so may the
      whole: each text in it is a secret then, and no diff is shown.
    DOC

    validate { |value| PuppetX::Pitstop::Values.validate(value) }
  end

  newparam(:strict, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'Whether a value that no template needs is refused.'
    defaultto false
  end

  autorequire(:pitstop_pack) { self[:name] }

  # Whether all values are secret.
  def values_sensitive?
    parameter(:values)&.sensitive == true
  end

  # Puppet would warn that it cannot hide a parameter. This one is shown nowhere.
  def set_sensitive_parameters(names)
    parameter(:values).sensitive = true if names.include?(:values) && parameter(:values)
    super(names - [:values])
  end
end
