# frozen_string_literal: true

require 'fileutils'
require 'shellwords'
require 'tmpdir'

# A program in the agent's place that prints what was recorded: the real spawn, exit codes and output are under test.
module Replay
  # One answer per verb; `check --all` is answered by the key `check --all`.
  class Stand
    attr_reader :path

    def initialize(folder)
      @folder = folder
      @path = File.join(folder, 'pitstop')
      File.write(@path, <<~SHELL)
        #!/bin/sh
        printf '%s\\n' "$*" >> #{folder.shellescape}/calls
        shift 6 # the six words of the global options
        case " $* " in *" --values - "*) cat > #{folder.shellescape}/stdin;; esac
        answer=$1; [ "$2" = --all ] && answer="$1 --all"
        case " $* " in *" --dry-run "*) answer="$answer --dry-run";; esac
        . #{folder.shellescape}/"$answer"
      SHELL
      File.chmod(0o755, @path)
      File.write(File.join(folder, 'calls'), '')
    end

    def answer(verb, stdout:, exit: 0, stderr: '', before: '')
      file = File.join(@folder, "#{verb}.json")
      File.write(file, stdout)
      File.write(File.join(@folder, verb), <<~SHELL)
        #{before}
        printf '%s' #{stderr.shellescape} >&2
        cat #{file.shellescape}
        exit #{exit}
      SHELL
    end

    def replay(verb, call)
      answer(verb, stdout: call.stdout, exit: call.exit)
    end

    # The calls so far, without the global options.
    def calls
      File.readlines(File.join(@folder, 'calls'), chomp: true).map { |line| line.split(' ', 7).last }
    end

    # What the last call that reads standard input got there.
    def stdin
      File.read(File.join(@folder, 'stdin'))
    end

    def full_calls
      File.readlines(File.join(@folder, 'calls'), chomp: true)
    end
  end

  def self.included(context)
    context.let(:folder) { Dir.mktmpdir('pitstop-spec') }
    context.let(:stand) { Stand.new(folder) }
    context.after { FileUtils.rm_rf(folder) }
  end

  # A report from a recorded one with some fields replaced: what the example is about stays visible in it.
  def report(verb = 'check', **fields)
    recorded = Recorded.fullest(verb) or raise "no successful #{verb} is recorded in #{Recorded::FOLDER}"
    JSON.parse(JSON.generate(recorded.merge(fields.transform_keys(&:to_s))))
  end

  # `report` of an instance in a certain condition.
  def check_of(name, level: '1.0.0', state: 'running', adopted: true, newer: [], sourced: true, **view)
    base = report('check')
    found = base['before'].merge('state' => state, 'adopted' => adopted, **view.transform_keys(&:to_s))
    found['release'] = found['release'].merge('level' => level)
    found.delete('interrupted') unless view.key?(:interrupted)
    levels = sourced ? [*newer, level] : []
    offers = levels.map { |one| { product: 'demo', level: one, path: "/srv/#{one}", newer: newer.include?(one) } }
    base.merge('instance' => name, 'before' => found, 'after' => found, 'offers' => JSON.parse(JSON.generate(offers)))
  end

  # The provider of a resource whose instance was checked before.
  def knowing(resource, found)
    instances = PuppetX::Pitstop::Instances.new
    instances.learn(resource.target, resource[:name], PuppetX::Pitstop::Report.new(found))
    resource.provider.tap { |provider| provider.instances = instances }
  end

  def failure(verb, kind:, exit:, message: 'it was refused', hint: nil, **fields)
    error = { kind: kind, message: message, exit: exit, hint: hint }.compact
    report(verb, ok: false, changed: false, message: message, error: error, **fields)
  end

  def list(*reports)
    JSON.generate(schema: Recorded::LIST_SCHEMA, ok: reports.all? { |r| r['ok'] }, changed: false, reports: reports,
                  error: nil, agent: '0.1.0')
  end
end
