# frozen_string_literal: true

require_relative '../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

# @!puppet.type.param name The instance's name.
# @!puppet.type.param agent The agent: an absolute path, or a name that is looked up in PATH. Default: `pitstop`.
# @!puppet.type.param config_dir The agent's settings. Default: `/etc/pitstop`.
# @!puppet.type.param state_dir The agent's state. Default: `/var/lib/pitstop`.
# @!puppet.type.param timeout Seconds until a call of the agent is asked to end; a change gets as long again. Default: 10800.
# @!puppet.type.param user The user that the server runs as; required by itself, and not told to the agent.
# @!puppet.type.param unit The server's systemd unit; its files are required by themselves.
Puppet::Type.newtype(:pitstop_verified) do
  @doc = <<~DOC
    @summary A gate: what requires it is applied only if the instance is healthy now.

    The agent looks at vendor files, configuration, processes and probes in every run. Where a required check fails,
    the resource fails, and Puppet skips what depends on it. It repairs nothing.

        pitstop_verified { 'is-1': }
        -> exec { '/usr/local/bin/into-the-load-balancer is-1': }

    Under noop a stopped server is not verified, as it cannot be known what the run would make of it.

    **Autorequires:** `Pitstop_pack`, `Pitstop_config` and `Pitstop_service` of the instance, the `File` resources of
    the agent, the settings and the unit, `Package['pitstop']` and the user.
  DOC

  include PuppetX::Pitstop::InstanceType

  newproperty(:ensure, idempotent: false) do
    desc 'That the instance is healthy. There is no other value to ask for.'

    newvalues(:verified)
    defaultto :verified

    def sync
      resource.demand_instance
      raise Puppet::Error, provider.verdict.failure_text
    end
  end

  newparam(:deep, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'Whether every file is read, instead of trusting those whose size, inode and times are as they were.'
    defaultto false
  end

  autorequire(:pitstop_pack) { self[:name] }
  autorequire(:pitstop_config) { self[:name] }
  autorequire(:pitstop_service) { self[:name] }
end
