# frozen_string_literal: true

require_relative 'elsewhere'

module PuppetX
  module Pitstop
    # What the fact has just learned, for the run that follows it in the same process: one call of the agent less. It is
    # given away once, and only while it still holds.
    module Handover
      # Seconds after which a host may look different without Puppet's doing.
      MAX_AGE_S = 120
      # Seconds that the fact waits for the agent, which a source that does not answer may keep.
      FACT_TIMEOUT_S = 20

      Left = Struct.new(:began, :target, :text)

      module_function

      # @param began [Time] when the agent was called
      # @param text [String] what `check --all` of the agent in PATH with its own settings printed
      def leave(began, text)
        folders = { 'PITSTOP_CONFIG_DIR' => '/etc/pitstop', 'PITSTOP_STATE_DIR' => '/var/lib/pitstop' }
        @left = Left.new(began, ['pitstop', *folders.map { |name, usual| ENV.fetch(name, usual) }], text)
      end

      # @return [String, nil] what was left about a target, unless the run has changed anything since
      def take(target, catalog)
        left = @left
        return unless left && same?(left.target, target)

        @left = nil
        left.text if holds?(left.began, catalog)
      end

      def same?(one, other)
        one.drop(1) == other.drop(1) && [one, other].map { |target| binary(target.first) }.uniq.one?
      end

      def binary(agent)
        path = Puppet::Util.which(agent)
        path && File.realpath(path)
      end

      def holds?(began, catalog)
        return false unless catalog && (0..MAX_AGE_S).cover?(Time.now - began)

        !Elsewhere.changed_since?(began, catalog)
      end
    end
  end
end
