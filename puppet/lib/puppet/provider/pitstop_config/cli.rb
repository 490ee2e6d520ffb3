# frozen_string_literal: true

require_relative '../../../puppet_x/pitstop' unless defined?(Puppet::Provider::Pitstop)

Puppet::Type.type(:pitstop_config).provide(:cli, parent: Puppet::Provider::Pitstop) do
  desc 'Calls the agent `pitstop` and reads its JSON reports.'

  # Whether the files are as configured. The agent decides, by a dry run. Under noop its plan is shown, and what would
  # be refused raises; else the refusal is left to the change itself, which may first have to finish an interrupted one.
  # @return [Symbol] `applied`, `pending`, or `absent` where no such instance is configured
  def ensure
    return :absent unless known
    return :pending if unforeseen?

    planned = preview('config apply', *arguments, stdin: document)
    foretell(succeed(planned)) if resource.noop?
    planned.ok? && !planned.changed? ? :applied : :pending
  end

  def ensure=(_wanted)
    bring_about(:ensure, 'config apply', *arguments, stdin: document) { |made| show(made) }
  end

  private

  def arguments
    [*option('--values', resource[:values] && '-'), *(['--strict'] if resource.strict?)]
  end

  def document
    return unless resource[:values]

    PuppetX::Pitstop::Values.document(resource[:values], sensitive: resource.values_sensitive?)
  end

  def foretell(report)
    show(report)
    resource.say(report.summary) if report.waits?
  end

  def show(report)
    return unless report.plan_text && (report.changed? || report.waits?)

    resource.say(report.plan_text)
    resource.say(report.diff_text) if Puppet[:show_diff] && !resource.values_sensitive?
  end
end
