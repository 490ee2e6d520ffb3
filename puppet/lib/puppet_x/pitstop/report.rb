# frozen_string_literal: true

require 'json'

module PuppetX
  # What the type, the provider and their tests share about the agent `pitstop`.
  module Pitstop
    # One report of the agent (`pitstop/report/v1`), read only. Holds no knowledge of Puppet.
    class Report
      SCHEMA = 'pitstop/report/v1'
      LIST_SCHEMA = 'pitstop/report-list/v1'
      # Kinds of refusals that pass by themselves: the host's time has not come yet.
      WAITS = %w[wave window lock].freeze

      # The agent said something that is not its contract.
      class Malformed < StandardError; end

      # @return [Report] from the document that a verb prints for one instance
      def self.parse(text)
        new(document(text, SCHEMA))
      end

      # @return [Array<Report>] from the document that a verb prints with `--all`
      # @raise [Malformed] also when the agent could make no report at all, such as for unreadable settings
      def self.parse_list(text)
        data = document(text, LIST_SCHEMA)
        reports = data.fetch('reports').map { |report| new(report) }
        raise Malformed, data['error'].fetch('message') if data['error'] && reports.empty?

        reports
      end

      def self.document(text, schema)
        data = JSON.parse(text)
        found = data.is_a?(Hash) ? data['schema'] : data.class
        raise Malformed, "expected a document of #{schema}, not of #{found.inspect}" unless found == schema

        data
      rescue JSON::ParserError
        raise Malformed, 'the output is not JSON'
      end
      private_class_method :document

      def initialize(data)
        @data = data
      end

      def instance
        @data.fetch('instance')
      end

      def ok?
        @data.fetch('ok')
      end

      def changed?
        @data.fetch('changed')
      end

      def message
        @data.fetch('message')
      end

      def warnings
        @data.fetch('warnings')
      end

      # The exit code that goes with the report.
      def exit
        error ? error.fetch('exit') : 0
      end

      def error_kind
        error && error.fetch('kind')
      end

      # Whether the change was put off, and nothing is wrong.
      def waits?
        WAITS.include?(error_kind)
      end

      # The instance as the verb left it, or as it found it where the verb left it alone.
      def view
        @data['after'] || @data['before']
      end

      # Whether a source was read.
      def offers?
        !@data.fetch('offers').empty?
      end

      # Levels that the source offers and that are higher than the installed one.
      def newer_levels
        @data.fetch('offers').select { |offer| offer['newer'] }.map { |offer| offer['level'] }
      end

      # Whether something would stop an update, such as a source that cannot be read.
      def blocked?
        !@data.fetch('blockers').empty?
      end

      # The plan in words: levels, one line per file, what is left to a person, steps. Nil where the verb made none.
      def plan_text
        plan = @data['plan'] or return nil
        lines = plan['files'].map { |file| file_line(file) } + plan['manual'].to_a.map { |step| manual_line(step) }
        [plan_heading(plan), *lines, steps_line(plan)].join("\n")
      end

      # What changes in the files, as the agent shows it: without secrets. Nil where it shows nothing.
      def diff_text
        diffs = @data['diffs'].to_a
        diffs.map { |one| one.fetch('diff') }.join unless diffs.empty?
      end

      # What happened, on one line: the agent's own sentence, with the counts of the plan where one was carried out, or
      # why the change waits.
      def summary
        return "waits: #{failure_text}" if waits?

        plan = @data['plan']
        plan && changed? ? "#{message} (#{counts(plan)})" : message
      end

      # The level that the plan leads to.
      def planned_level
        @data.dig('plan', 'to', 'level')
      end

      # The failure as an operator needs it: what, why, which files, what next.
      def failure_text
        text = "#{@data.fetch('action')} of #{instance}: #{error ? error['message'] : message}"
        text += " [#{error_kind}, exit #{self.exit}]" if error
        text += "; #{conflict_text}" unless @data.fetch('conflicts').empty?
        text += "; #{probe_text}" unless failed_probes.empty?
        text += "; hint: #{error['hint']}" if error && error['hint']
        text
      end

      private

      def error
        @data['error']
      end

      def plan_heading(plan)
        "plan #{plan['id']}: #{levels(plan)}, #{counts(plan)}"
      end

      def levels(plan)
        from, to = plan.values_at('from', 'to')
        "#{from['product']} #{from['level']} -> #{to['level']}"
      end

      def counts(plan)
        files = plan['files']
        return 'no files' if files.empty?

        files.group_by { |file| file['op'] }.map { |op, of_op| "#{of_op.size} #{op}" }.sort.join(', ')
      end

      def file_line(file)
        format('  %<op>-10s %<path>s (%<why>s)', op: file['op'], path: file['path'], why: file['why'])
      end

      def manual_line(step)
        must = step['acknowledge'] ? ', must be acknowledged' : ''
        format('  %<op>-10s %<text>s (%<id>s%<must>s)', op: 'by hand', must: must, id: step['id'], text: step['text'])
      end

      def steps_line(plan)
        "  steps: #{plan['steps'].map { |step| step['step'] }.join(', ')}"
      end

      def conflict_text
        lines = @data['conflicts'].map do |conflict|
          resolve = conflict['final_file'] && ", put the result into #{conflict['final_file']}"
          "#{conflict['path']} (#{conflict['message']}#{resolve})"
        end
        "conflicts: #{lines.join('; ')}"
      end

      def failed_probes
        @data.fetch('probes').select { |probe| probe['required'] && !probe['ok'] }
      end

      def probe_text
        failed_probes.map { |probe| "#{probe['name']}: #{probe['detail']}" }.join('; ')
      end
    end
  end
end
