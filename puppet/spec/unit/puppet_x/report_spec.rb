# frozen_string_literal: true

require 'spec_helper'
require 'puppet_x/pitstop/report'

describe PuppetX::Pitstop::Report do
  it 'has recorded reports to work on' do
    expect(Recorded.all).not_to be_empty, "no reports in #{Recorded::FOLDER}"
  end

  Recorded.all.each do |call|
    context "with the recorded #{call.name}" do
      subject(:parsed) { call.list? ? described_class.parse_list(call.stdout) : [described_class.parse(call.stdout)] }

      it 'agrees with the exit code about success' do
        expect(parsed.all?(&:ok?)).to eq(call.exit.zero?) unless parsed.empty?
        expect(parsed.map(&:exit)).to eq([call.exit]) unless call.list?
      end

      it 'explains every failure by its message, kind and hint' do
        failed = call.reports.zip(parsed).reject { |data, _| data['ok'] }
        failed.each do |data, report|
          expect(report.failure_text).to include(*data['error'].values_at('message', 'kind', 'hint').compact)
          expect(report.failure_text).to include(*data['conflicts'].map { |conflict| conflict['path'] })
        end
      end

      it 'puts every level, file, manual step and step of the plan into words' do
        call.reports.zip(parsed).each do |data, report|
          plan = data['plan'] or next expect(report.plan_text).to be_nil
          steps = plan['steps'].map { |step| step['step'] }.join(', ')
          files = plan['files'].map { |file| " #{file['path']} (#{file['why']})" }
          levels = "#{plan['from']['level']} -> #{plan['to']['level']}"
          expect(report.plan_text).to include(plan['id'], levels, steps)
          manual = plan['manual'].to_a.map { |step| "#{step['text']} (#{step['id']}" }
          lines = [*files, *manual]
          expect(report.plan_text).to include(*lines).and(satisfy { |text| text.lines.size == lines.size + 2 })
        end
      end
    end
  end

  it 'refuses what is not a report' do
    ['', 'error: no', '[]', '{}', '{"schema":"pitstop/report/v9"}', '{"schema":"pitstop/report-list/v1"}'].each do |text|
      expect { described_class.parse(text) }.to raise_error(described_class::Malformed), text
    end
  end

  it 'refuses an empty list that carries an error, with the text of the error' do
    text = { schema: Recorded::LIST_SCHEMA, reports: [], error: { message: 'cannot read /etc/pitstop' } }.to_json
    expect { described_class.parse_list(text) }.to raise_error(described_class::Malformed, %r{cannot read /etc/pitstop})
  end
end
