# frozen_string_literal: true

require_relative '../../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

Puppet::Type.type(:pitstop_pack).provide(:cli, parent: Puppet::Provider::Pitstop) do
  desc 'Calls the agent `pitstop` and reads its JSON reports.'

  include PuppetX::Pitstop::RunState

  # Everything that the agent of the default settings manages, for `puppet resource pitstop_pack`.
  def self.instances
    template = Puppet::Type.type(:pitstop_pack).new(name: 'template')
    found = PuppetX::Pitstop::Instances.new
    reports = check_agent_of(template).check_all
    found.prefetch(template.target) { reports }
    reports.map { |name, _report| new(name: name).tap { |provider| provider.instances = found } }
  rescue Puppet::MissingCommand => e
    Puppet.debug(e.message)
    []
  end

  # @return [String] the level that the last plan leads to
  attr_reader :planned_level

  def adopt
    view['adopted'].to_s.to_sym
  end

  def adopt=(_wanted)
    outcomes[:adopt] = change('adopt', *option('--pristine', resource[:pristine])).summary
  end

  def level
    view['release']['level']
  end

  def level=(wanted)
    bring_about(:level, 'update', *update_arguments(wanted)) { |made| resource.say(made.plan_text) }
  end

  # Whether an update to a level would change nothing. The agent decides; it is not asked where its last check
  # already tells. Under noop the plan is shown, and an update that would be refused raises.
  def level_reached?(wanted)
    return false if view['interrupted']
    return true if settled?(wanted)
    return await_adoption if adoption_pending?
    return false if unforeseen?

    planned = preview('update', *update_arguments(wanted))
    @planned_level = planned.planned_level
    return planned.ok? && !planned.changed? unless resource.noop?

    resource.say(planned.plan_text)
    resource.say(planned.summary) if planned.waits?
    succeed(planned).ok? && !planned.changed?
  end

  private

  def adoption_pending?
    resource[:adopt] == :true && adopt == :false
  end

  # Without the adoption's knowledge of the vendor's files a plan would show conflicts that it will not have.
  def await_adoption
    resource.warning('which files an update changes is known only after the adoption') if resource.noop?
    false
  end

  def settled?(wanted)
    return level == wanted unless wanted == 'latest'
    return false if resource.settings_pending?

    # The offers of the check are those of the instance's own source: none where it has none, or it could not be read.
    check = known.check
    resource[:source].nil? && check.offers? && check.newer_levels.empty? && !check.blocked?
  end

  def update_arguments(wanted)
    [
      *option('--from', resource[:source]),
      *option('--level', wanted == 'latest' ? nil : wanted),
      *option('--plan', resource[:plan]),
      *(['--allow-downgrade'] if resource.allow_downgrade?),
      *resource[:acknowledge].flat_map { |id| option('--acknowledge', id) }
    ]
  end
end
