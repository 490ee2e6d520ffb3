# frozen_string_literal: true

require 'puppet'

module PuppetX
  module Pitstop
    # What every type about an instance has: its name, which agent with which settings, and what must come first.
    # The types repeat the parameters in comments, for their reference.
    module InstanceType
      NAME = /\A[A-Za-z0-9_][A-Za-z0-9._-]*\z/.freeze
      # A user or a unit, such as `wso2` and `is@1.service`.
      OWNER = /\A[A-Za-z0-9_][\w.@:\\-]*\z/.freeze
      # Where a file of a unit may lie.
      UNIT_FOLDERS = %w[/etc/systemd/system /usr/lib/systemd/system /lib/systemd/system].freeze
      # Where an agent without a path may lie.
      AGENT_FOLDERS = %w[/usr/bin /usr/local/bin].freeze

      def self.included(type)
        add_name(type)
        add_path(type, :agent, 'pitstop', 'The agent: an absolute path, or a name that is looked up in PATH.')
        add_path(type, :config_dir, '/etc/pitstop', "The agent's settings.")
        add_path(type, :state_dir, '/var/lib/pitstop', "The agent's state.")
        add_timeout(type)
        add_owner(type, :user, 'The user that the server runs as; required by itself, and not told to the agent.')
        add_owner(type, :unit, "The server's systemd unit; its files are required by themselves.")
        add_relations(type)
      end

      def self.add_name(type)
        type.newparam(:name, namevar: true) do
          desc "The instance's name."
          validate do |value|
            next if value.is_a?(String) && value.match?(NAME)

            raise ArgumentError, "#{value.inspect} is not the name of an instance: letters, digits, '.', '_' and '-'"
          end
        end
      end

      def self.add_path(type, name, default, doc)
        type.newparam(name) do
          desc doc
          defaultto default
          validate { |value| resource.validate_path(name, value) unless name == :agent && !value.include?('/') }
        end
      end

      def self.add_timeout(type)
        type.newparam(:timeout) do
          desc 'Seconds that one call of the agent may take. A change that takes longer is asked to end, which it does at once ' \
               'before the server is stopped and at its end after that, and gets as long again. Reading the state is given up ' \
               'after 300 at most.'
          # More than the two hours that the vendor's tool may take by itself.
          defaultto 10_800
          validate do |value|
            value.to_s.match?(/\A[1-9]\d*\z/) or raise ArgumentError, 'timeout must be whole seconds, 1 or more'
          end
          munge { |value| Integer(value.to_s) }
        end
      end

      def self.add_owner(type, name, doc)
        type.newparam(name) do
          desc doc
          validate do |value|
            value.to_s.match?(OWNER) or raise ArgumentError, "#{value.inspect} is not the name of a #{name}"
          end
        end
      end

      # Resources of all kinds at once: a type that is named here would be loaded with all its providers, which takes a
      # second for packages.
      def self.add_relations(type)
        type.autorequire(:file) { resources_before }
      end
      private_class_method :add_name, :add_path, :add_timeout, :add_owner, :add_relations

      # Which instances are meant: those of one agent with one set of settings.
      def target
        [self[:agent], self[:config_dir], self[:state_dir]]
      end

      # Where the instance is described by convention.
      def settings_path
        File.join(self[:config_dir], 'instances.d', "#{self[:name]}.yaml")
      end

      def validate_path(name, value)
        return if Puppet::Util.absolute_path?(value.to_s)

        raise ArgumentError, "#{name} must be an absolute path, not #{value.inspect}"
      end

      # @raise [Puppet::Error] where the agent knows no such instance: nothing can be done about it here
      def demand_instance
        return if provider.configured?

        raise Puppet::Error, "no instance #{self[:name]} is configured; describe it in #{settings_path}"
      end

      # Whether this run would write settings and, under noop, does not: the agent knows only of those before.
      def settings_pending?
        noop? && !catalog.nil? && settings_files.any? { |file| pending?(file) }
      end

      # Logs something of several lines, such as a plan, under the resource's name.
      def say(text)
        send_log(self[:loglevel], text) if text
      end

      private

      def resources_before
        files = files_before
        catalog.resources.select do |one|
          case one.type
          when :package then [one.title, one[:name]].include?('pitstop')
          when :user then one[:name] == self[:user]
          when :file then files.include?(one[:path]) || shared?(one[:path]) || dropped_in?(one[:path])
          end
        end
      end

      def settings_files
        catalog.resources.select do |one|
          one.type == :file && (one[:path] == settings_path || shared?(one[:path]))
        end
      end

      # As the file itself would tell, which would show its difference once more.
      def pending?(file)
        kind, content = %i[ensure content].map { |name| file.property(name) }
        return true if kind && !kind.safe_insync?(kind.retrieve)

        !content.nil? && file.replace? && !content.property_matches?(content.retrieve, content.should)
      end

      def files_before
        [*agent_paths, self[:config_dir], File.dirname(settings_path), settings_path, *unit_paths]
      end

      def agent_paths
        return [self[:agent]] if self[:agent].include?('/')

        AGENT_FOLDERS.map { |folder| File.join(folder, self[:agent]) }
      end

      def unit_paths
        self[:unit] ? UNIT_FOLDERS.map { |folder| File.join(folder, self[:unit]) } : []
      end

      # Whether a file is one of settings, values, templates or secrets, and not of a single instance.
      def shared?(path)
        inside = File.join(self[:config_dir], '')
        path.start_with?(inside) && !path.start_with?(File.join(inside, 'instances.d', ''))
      end

      def dropped_in?(path)
        unit_paths.any? { |unit| path.start_with?("#{unit}.d/") }
      end
    end
  end
end
