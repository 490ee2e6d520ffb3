# frozen_string_literal: true

require 'json'

# The reports that the agent's own tests record: `{"argv": [...], "exit": N, "report": {...}}`, one per file.
module Recorded
  FOLDER = ENV.fetch('PITSTOP_CONTRACT_DIR') { File.expand_path('../../../tests/contract', __dir__) }
  SCHEMA = 'pitstop/report/v1'
  LIST_SCHEMA = 'pitstop/report-list/v1'

  Call = Struct.new(:name, :argv, :exit, :report) do
    def list?
      report['schema'] == LIST_SCHEMA
    end

    def verb
      list? ? argv.first : report['action']
    end

    # The reports of a list, or the one report.
    def reports
      list? ? report['reports'] : [report]
    end

    def stdout
      JSON.generate(report)
    end
  end

  def self.all
    Dir[File.join(FOLDER, '*.json')].sort.filter_map do |path|
      data = JSON.parse(File.read(path))
      next unless [SCHEMA, LIST_SCHEMA].include?(data['report']&.fetch('schema', nil))
      # A failure that is about no instance.
      next if data['report']['reports'] == []

      Call.new(File.basename(path, '.json'), *data.values_at('argv', 'exit', 'report'))
    end
  end

  def self.singles
    all.reject(&:list?)
  end

  # The successful report of a verb that shows most, so that no example has to make a report up.
  def self.fullest(verb)
    reports = singles.map(&:report).select { |report| report['action'] == verb && report['ok'] && report['before'] }
    reports.max_by { |report| report.dig('plan', 'files').to_a.size }
  end
end
