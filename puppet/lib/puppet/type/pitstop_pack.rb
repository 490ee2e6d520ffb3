# frozen_string_literal: true

require_relative '../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

# @!puppet.type.param name The instance's name.
# @!puppet.type.param agent The agent: an absolute path, or a name that is looked up in PATH. Default: `pitstop`.
# @!puppet.type.param config_dir The agent's settings. Default: `/etc/pitstop`.
# @!puppet.type.param state_dir The agent's state. Default: `/var/lib/pitstop`.
# @!puppet.type.param timeout Seconds until a call of the agent is asked to end; a change gets as long again. Default: 10800.
# @!puppet.type.param user The user that the server runs as; required by itself, and not told to the agent.
# @!puppet.type.param unit The server's systemd unit; its files are required by themselves.
Puppet::Type.newtype(:pitstop_pack) do
  @doc = <<~DOC
    @summary A server that was delivered as a pack, at an update level.

    The title is the name of an instance that the agent `pitstop` knows, from a file in `<config_dir>/instances.d`.
    A change of level is one transaction of the agent: staged while the server serves, committed by renames,
    verified, and put back as it was if the new level is unhealthy.

        pitstop_pack { 'is-1':
          ensure => running,
          level  => '7.1.0.41',
          source => '/srv/packs',
        }

    **Autorequires:** the `File` resources of the agent, the settings, the unit, the source and the pristine pack,
    `Package['pitstop']` and the user.
  DOC

  include PuppetX::Pitstop::InstanceType

  newproperty(:ensure) do
    desc <<~DOC
      Whether the server runs: `running`, `stopped`, or `present` (the default) to leave it as it is.
      The pack must exist: pitstop neither installs a first pack nor removes one.
    DOC

    newvalues(:present, :running, :stopped)
    defaultto :present

    validate do |value|
      raise ArgumentError, 'pitstop never removes a pack; delete its home by hand' if value.to_s == 'absent'

      super(value)
    end

    def insync?(is)
      return true if insync_values?([should], is)

      resource.preview_companions(resource.companions_to_sync) if noop && is != :absent
      false
    end

    # What Puppet asks to tell a correction, with the state that the last run left: `insync?` would do more than compare.
    def insync_values?(wanted, is)
      wanted.any? { |state| is == state || (state == :present && is != :absent) }
    end

    # Puppet looks at no other property in a run in which `ensure` changes, so the others are brought along here.
    def sync
      resource.demand_instance
      companions = resource.companions_to_sync
      return stop_and_sync(companions) if should == :stopped

      begin
        resource.sync_companions(companions)
      rescue StandardError
        # A refused update is no reason to leave the server down; an end of the whole run is, as the update goes on by itself.
        provider.ensure = should
        raise
      end
      provider.ensure = should
    end

    # Stopped first, so that the update does not start it again.
    def stop_and_sync(companions)
      provider.ensure = should
      resource.sync_companions(companions)
    end

    def change_to_s(is, should)
      [super, *provider.outcomes[:ensure]].join(': ')
    end
  end

  newproperty(:adopt, boolean: true) do
    desc 'Whether to take over a pack that pitstop did not install. `false` leaves it as it is.'

    newvalues(:true, :false)

    def insync?(is)
      should == :false || is == :true
    end

    def change_to_s(is, should)
      provider.outcomes[:adopt] || super
    end
  end

  newproperty(:level) do
    desc <<~DOC
      The update level: an exact one such as `4.2.0.135`, or `latest` for the highest that the source offers of the
      installed release line.
      An update that the instance's `rollout` puts off (`wave`, `window`, `lock`) is no failure: the event has the status
      `noop` and says until when, nothing changes, and what requires the pack goes on with the level that is there.
    DOC

    include PuppetX::Pitstop::Postponable

    validate do |value|
      # 7.10 without quotes arrives as the number 7.1.
      raise ArgumentError, "put quotes around the level #{value}" if value.is_a?(Float)
      next if value.to_s.match?(/\A[A-Za-z0-9][A-Za-z0-9._+-]*\z/)

      raise ArgumentError, "#{value.inspect} is not a level: letters, digits, '.', '_', '+' and '-'"
    end

    munge(&:to_s)

    def insync?(_is)
      provider.level_reached?(should)
    end

    # What Puppet asks to tell a correction, with the level that the last run wanted, and after the change: the agent
    # would answer for the new level. Nil is not knowing: `latest` was some level, and `41` may be short for `7.1.0.41`.
    def insync_values?(wanted, is)
      return true if wanted.include?(is)

      wanted.any? { |level| level == 'latest' || level.count('.') != is.count('.') } ? nil : false
    end

    # `latest` alone says little: the level behind it is known once the agent has planned.
    def should_to_s(value)
      planned = provider.planned_level
      value == 'latest' && planned ? "#{super} (#{planned})" : super
    end

    def change_to_s(is, should)
      provider.outcomes[:level] || super
    end
  end

  newparam(:source) do
    desc "Where the update comes from, as an absolute path: a pack or a folder of packs. Without it the instance's own."
    validate { |value| resource.validate_path(:source, value) }
  end

  newparam(:pristine) do
    desc "The vendor's pack of the installed level, as an absolute path; `adopt` learns from it what was customised."
    validate { |value| resource.validate_path(:pristine, value) }
  end

  newparam(:plan) do
    desc 'The id of a plan that a person has approved, as noop shows it; the update is refused if it comes to another.'
    validate { |value| value.to_s.match?(/\A\h+\z/) or raise ArgumentError, "#{value.inspect} is not the id of a plan" }
    munge(&:to_s)
  end

  newparam(:allow_downgrade, boolean: true, parent: Puppet::Parameter::Boolean) do
    desc 'Whether `level` may be lower than the installed one.'
    defaultto false
  end

  newparam(:acknowledge) do
    desc <<~DOC
      Ids of manual steps of the update that have been taken care of: without one that must be acknowledged the agent
      refuses the update. The same change of the vendor's files has the same id on every host; an id that no longer
      matters does no harm.
    DOC
    defaultto []
    validate do |value|
      [value].flatten.each do |id|
        id.to_s.match?(/\A[A-Za-z0-9][A-Za-z0-9._-]*\z/) or raise ArgumentError, "#{id.inspect} is not the id of a manual step"
      end
    end
    munge { |value| [value].flatten }
  end

  def files_before
    [*super, self[:source], self[:pristine]].compact
  end

  # The properties besides `ensure` that are not as they should be.
  def companions_to_sync
    properties.reject { |property| property.name == :ensure || property.safe_insync?(property.retrieve) }
  end

  def sync_companions(companions)
    companions.each { |property| sync_companion(property) }
  end

  # Logged under the property's own name, as the event will carry that of `ensure`.
  def sync_companion(property)
    before = property.retrieve
    property.sync
    property.send_log(self[:loglevel], property.change_to_s(before, property.should))
  rescue Puppet::Error => e
    property.err(e.message)
    raise
  end

  # Says under noop what `sync_companions` would do.
  def preview_companions(companions)
    companions.each do |property|
      text = "current_value #{property.is_to_s(property.retrieve)}, should be #{property.should_to_s(property.should)}"
      property.send_log(self[:loglevel], "#{text} (noop)")
    end
  end
end
