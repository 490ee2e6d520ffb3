# frozen_string_literal: true

require 'puppet_pal'

# What a plan meets of Bolt, which is not here: its functions and types lie in `spec/fixtures/bolt`. A host does to a task
# what the example says, or else what it is asked to; what was run is in `log`.
module BoltStand
  MODULES = %w[bolt modules].map { |folder| File.expand_path("../fixtures/#{folder}", __dir__) }

  class Failed < StandardError; end
  Target = Struct.new(:name)

  Result = Struct.new(:target, :value) do
    def [](key)
      value[key]
    end
  end

  # The results of a task on many hosts.
  class ResultSet
    include Puppet::Pops::Types::Iterable
    include Puppet::Pops::Types::IteratorProducer

    attr_reader :results

    def initialize(results)
      @results = results
    end

    def iterator
      Puppet::Pops::Types::Iterable.on(results)
    end

    def empty
      results.empty?
    end

    def targets
      results.map(&:target)
    end

    def filter_set(&block)
      ResultSet.new(results.select(&block))
    end

    def ok_set
      filter_set { |result| result.value['ok'] }
    end

    def error_set
      filter_set { |result| !result.value['ok'] }
    end
  end

  class << self
    attr_reader :log

    def run_task(task, targets, arguments)
      what = arguments['_noop'] ? "#{task} --dry-run" : task
      level = arguments['level'] && " to #{arguments['level']}"
      @log << "#{what}#{level}: #{targets.map(&:name).join(' ')}"
      ResultSet.new(targets.map { |target| Result.new(target, answer(what, target.name)) })
    end

    def run_plan(plan, targets)
      @log << "#{plan}: #{targets.map(&:name).join(' ')}"
      nil
    end

    # Runs a plan and returns what it does.
    def plan(name, arguments, answers)
      @log = []
      @answers = answers
      Puppet::Pal.in_tmp_environment('bolt', modulepath: MODULES, facts: {}) do |pal|
        pal.with_script_compiler { |compiler| call(compiler, name, arguments) }
      end
    end

    private

    def answer(what, host)
      @answers.dig(what, host) || { 'ok' => true, 'changed' => what.include?('update') }
    end

    def call(compiler, name, arguments)
      # What Bolt names and loads by itself.
      compiler.evaluate_string('type TargetSpec = Any')
      compiler.evaluate_string('[Target, Result, ResultSet]')
      function = compiler.plan_signature(name).instance_variable_get(:@plan_func)
      returned = catch(:return) do
        function.class.dispatcher.dispatchers[0].call_by_name_with_scope(Puppet.lookup(:global_scope), arguments, true)
      end
      returned.is_a?(Puppet::Pops::Evaluator::Return) ? returned.value : returned
    end
  end
end
