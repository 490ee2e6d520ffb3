# frozen_string_literal: true

require 'tempfile'
require 'puppet'
require_relative 'report'

module PuppetX
  module Pitstop
    # The agent on this host, called as a program: one call, one report.
    class Agent
      # Seconds that a call which changes nothing has between SIGTERM and SIGKILL once it took too long.
      GRACE_S = 10
      # Verbs that change nothing, as no dry run does.
      READING = %w[check verify].freeze
      # Bytes of output that an error text repeats.
      EXCERPT = 2048

      # The agent ended without a report that can be trusted: its state has to be looked at.
      class Failed < Puppet::Error; end

      Outcome = Struct.new(:command, :status, :stdout, :stderr) do
        def ended
          status.signaled? ? "was killed by signal #{status.termsig}" : "exited with #{status.exitstatus}"
        end

        def fail!(why)
          raise Failed, "`#{command.join(' ')}` #{ended}: #{why}; " \
                        "stdout: #{excerpt(stdout)}; stderr: #{excerpt(stderr)}"
        end

        def excerpt(text)
          text.strip.empty? ? '(empty)' : text.strip[-EXCERPT..] || text.strip
        end
      end

      # @param path [String] absolute path of the agent, or a name that is looked up in PATH
      # @param timeout [Numeric] seconds that one call may take
      def initialize(path:, config_dir:, state_dir:, timeout:)
        @path = path
        @options = ['--config-dir', config_dir, '--state-dir', state_dir, '--output', 'json']
        @timeout = timeout
      end

      # @param verb [String] such as `update` or `config apply`
      # @param stdin [String, nil] what the agent reads from standard input: the place for secrets
      # @return [Report] of one verb on one instance, whether or not it succeeded
      # @raise [Puppet::MissingCommand] where there is no agent
      # @raise [Failed] where there is no report, or one that contradicts the exit code
      def call(verb, instance, *arguments, stdin: nil)
        reads = READING.include?(verb) || arguments.include?('--dry-run')
        outcome = run(*verb.split, instance, *arguments, stdin: stdin, grace: reads ? GRACE_S : @timeout)
        report = parse(outcome) { |text| Report.parse(text) }
        return report if outcome.status.exitstatus == report.exit

        outcome.fail!("its report says exit #{report.exit}")
      end

      # @return [Hash{String => Report}] of every configured instance by name
      def check_all
        outcome = run('check', '--all')
        parse(outcome) { |text| read_all(text) }
      end

      # @return [Hash{String => Report}] from what `check --all` printed
      def read_all(text)
        Report.parse_list(text).to_h { |report| [report.instance, report] }
      end

      private

      def parse(outcome)
        yield outcome.stdout
      rescue Report::Malformed, KeyError => e
        outcome.fail!(e.message)
      end

      def run(*arguments, stdin: nil, grace: GRACE_S)
        command = [binary, *@options, *arguments]
        Puppet.debug("Executing: #{command.join(' ')}")
        Tempfile.create('pitstop-out') do |out|
          Tempfile.create('pitstop-err') do |err|
            status = feeding(stdin) { |input| wait(command, grace, input, out, err) }
            Outcome.new(command, status, contents(out), contents(err))
          end
        end
      end

      def binary
        Puppet::Util.which(@path) or raise Puppet::MissingCommand, "the pitstop agent #{@path} is not installed"
      end

      # A pipe and not a file: what is told this way may be secret and lies on no disk.
      def feeding(text)
        return yield File::NULL if text.nil?

        IO.pipe do |input, output|
          writer = Thread.new { write(output, text) }
          yield input
        ensure
          input.close
          writer&.join
        end
      end

      def write(output, text)
        output.write(text)
      rescue Errno::EPIPE
        nil # the agent ended without reading it, and its report says why
      ensure
        output.close
      end

      # Files and not pipes: a server that the agent starts may inherit a pipe and would hold it open for ever.
      def wait(command, grace, input, out, err)
        pid = Process.spawn({ 'LC_ALL' => 'C' }, *command, in: input, out: out, err: err, chdir: '/')
        child = Process.detach(pid)
        return child.value if child.join(@timeout)

        too_long = "`#{command.join(' ')}` took more than #{@timeout} seconds"
        Puppet.warning("#{too_long} and was asked to stop")
        return child.value if stopped?(child, grace)

        raise Failed, "#{too_long} and was stopped; the next run of the agent finishes or undoes what it had begun"
      end

      # Whether it ends in an orderly way. Once it has stopped a server it goes on to the end, as half is worse: killed then, it
      # would leave the server down.
      def stopped?(child, grace)
        Process.kill(:TERM, child.pid)
        Process.kill(:KILL, child.pid) unless child.join(grace)
        !child.value.signaled?
      rescue Errno::ESRCH
        !child.value.signaled? # it ended by itself in the meantime
      end

      def contents(file)
        file.rewind
        file.read.force_encoding(Encoding::UTF_8).scrub
      end
    end
  end
end
