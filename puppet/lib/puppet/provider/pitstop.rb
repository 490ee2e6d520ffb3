# frozen_string_literal: true

require_relative '../../puppet_x/pitstop/agent'
require_relative '../../puppet_x/pitstop/handover'
require_relative '../../puppet_x/pitstop/instances'

# What every provider on top of the agent shares: which agent a resource means, and how its answers become errors.
class Puppet::Provider::Pitstop < Puppet::Provider
  # Seconds after which reading the state of the instances is given up, whatever a resource allows for changes.
  CHECK_TIMEOUT_S = 300

  initvars

  # The parameters that decide which agent with which settings a resource is about.
  def self.agent_of(resource, timeout: resource[:timeout])
    PuppetX::Pitstop::Agent.new(
      path: resource[:agent], config_dir: resource[:config_dir], state_dir: resource[:state_dir], timeout: timeout
    )
  end

  def self.check_agent_of(resource)
    agent_of(resource, timeout: [resource[:timeout], CHECK_TIMEOUT_S].min)
  end

  # Asks for every instance's report, by one call per agent and settings for all types together, or by none where the fact
  # has just asked the same. What could not be had here, or may be different since, is asked for again, one by one, when the
  # resource's turn comes: by then its file may have been written.
  def self.prefetch(resources)
    resources.each_value do |resource|
      PuppetX::Pitstop::Instances.of(resource.catalog).prefetch(resource.target) { reports_for(resource) }
    end
  end

  def self.reports_for(resource)
    text = PuppetX::Pitstop::Handover.take(resource.target, resource.catalog)
    agent = check_agent_of(resource)
    text ? agent.read_all(text) : agent.check_all
  rescue Puppet::MissingCommand, PuppetX::Pitstop::Agent::Failed, PuppetX::Pitstop::Report::Malformed => e
    Puppet.debug("No prefetch of #{resource.class.name}: #{e.message}")
    {}
  end
  private_class_method :reports_for

  # @param instances [PuppetX::Pitstop::Instances] what is known already, for a resource outside a catalog
  attr_writer :instances

  def configured?
    !known.nil?
  end

  # @return [Hash{Symbol => String}] what the change of a property did, on one line
  def outcomes
    @outcomes ||= {}
  end

  # Whether the change of a property was put off until the host's time has come.
  def postponed?(property)
    @postponed&.include?(property)
  end

  private

  def instances
    @instances ||= PuppetX::Pitstop::Instances.of(resource.catalog).tap { |all| all.renew(resource.target, resource[:name]) }
  end

  # What is known of the instance; nil where no such instance is configured.
  def known
    instances.fetch(resource.target, resource[:name]) { load_check }
  end

  # Only the agent's own `unknown-instance` may read as absent: any other failure is not knowing, but for one of settings that
  # noop does not mend.
  def load_check
    report = self.class.check_agent_of(resource).call('check', resource[:name])
    return if report.error_kind == 'unknown-instance' || (!report.ok? && unforeseen?)

    succeed(report)
  rescue Puppet::MissingCommand => e
    raise unless resource.noop?

    # The agent may be what this very run would install.
    resource.debug(e.message)
    nil
  end

  # Whether only settings that are still to be written could tell what would change, which noop then says instead.
  def unforeseen?
    return false unless resource.settings_pending?

    resource.warning('what else changes is known only once the settings are written')
    true
  end

  # What the instance looks like now.
  def view
    known.view
  end

  # Runs a verb that changes the instance.
  def change(verb, *arguments, **input)
    tell_of_runtimeout
    report = call(verb, *arguments, **input)
    report.warnings.each { |warning| resource.warning(warning) }
    yield report if block_given?
    succeed(report)
  end

  # Puppet ends its run whatever that is at, and looks at no server then.
  def tell_of_runtimeout
    limit = Puppet[:runtimeout]
    return unless Puppet.run_mode.agent? && limit.positive? && limit < resource[:timeout]

    resource.notice("Puppet ends the run after #{limit} s, and the change may take #{resource[:timeout]} s: " \
                    'set runtimeout in puppet.conf to 0 or to more than that')
  end

  # Runs a verb, and remembers how it left the instance.
  def call(verb, *arguments, **input)
    report = self.class.agent_of(resource).call(verb, resource[:name], *arguments, **input)
    instances.note(resource.target, resource[:name], report.view)
    report
  rescue PuppetX::Pitstop::Agent::Failed
    instances.forget(resource.target, resource[:name])
    raise
  end

  # Asks what a verb would do, which leaves everything as it is.
  def preview(verb, *arguments, **input)
    @foreseen = self.class.agent_of(resource).call(verb, resource[:name], *arguments, '--dry-run', **input)
  end

  # Brings a property about by a verb, unless the dry run has said already that it is not time yet.
  def bring_about(property, verb, *arguments, **input, &block)
    report = @foreseen&.waits? ? @foreseen : change(verb, *arguments, **input, &block)
    (@postponed ||= []) << property if report.waits?
    outcomes[property] = report.summary
  end

  # @raise [Puppet::Error] with what the agent says, unless all is well or just has to wait
  def succeed(report)
    raise Puppet::Error, report.failure_text unless report.ok? || report.waits?

    report
  end

  def option(name, value)
    value ? [name, value] : []
  end
end
