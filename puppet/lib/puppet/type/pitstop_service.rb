# frozen_string_literal: true

require_relative '../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

# @!puppet.type.param name The instance's name.
# @!puppet.type.param agent The agent: an absolute path, or a name that is looked up in PATH. Default: `pitstop`.
# @!puppet.type.param config_dir The agent's settings. Default: `/etc/pitstop`.
# @!puppet.type.param state_dir The agent's state. Default: `/var/lib/pitstop`.
# @!puppet.type.param timeout Seconds until a call of the agent is asked to end; a change gets as long again. Default: 10800.
# @!puppet.type.param user The user that the server runs as; required by itself, and not told to the agent.
# @!puppet.type.param unit The server's systemd unit; its files are required by themselves.
Puppet::Type.newtype(:pitstop_service) do
  @doc = <<~DOC
    @summary Whether the server of an instance runs.

    A notification restarts a server that runs, at once: the instance's waves, windows and lock hold up changes of the
    pack and of its configuration, and not this.

        pitstop_service { 'is-1':
          ensure    => running,
          subscribe => File['/opt/wso2is/lib/postgresql.jar'],
        }

    To update a server that shall stay stopped, or to start one although its update was refused, give `ensure` to
    `pitstop_pack`; both may say the same of one instance, but not something different.

    **Autorequires:** `Pitstop_pack` and `Pitstop_config` of the instance, the `File` resources of the agent, the
    settings and the unit, `Package['pitstop']` and the user.
  DOC

  include PuppetX::Pitstop::InstanceType

  newproperty(:ensure) do
    desc 'Whether the server runs: `running` or `stopped`. Without it, only notifications do something.'

    newvalues(:running, :stopped)

    def sync
      resource.demand_instance
      provider.ensure = should
    end

    def change_to_s(is, should)
      [super, *provider.outcomes[:ensure]].join(': ')
    end
  end

  autorequire(:pitstop_pack) { self[:name] }
  autorequire(:pitstop_config) { self[:name] }

  # @raise [Puppet::Error] where the catalog wants the server running and stopped
  def pre_run_check
    pack = catalog.resource(:pitstop_pack, self[:name]) or return
    wanted = pack[:ensure]
    return if self[:ensure].nil? || [:present, self[:ensure]].include?(wanted)

    raise Puppet::Error, "#{pack.ref} wants the server #{wanted}, #{ref} wants it #{self[:ensure]}"
  end

  # What Puppet calls for a notification.
  def refresh
    outcome = provider.restart
    say(outcome) if outcome
  end
end
