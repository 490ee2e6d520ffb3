# frozen_string_literal: true

require_relative 'elsewhere'

module PuppetX
  module Pitstop
    # What one run of Puppet knows of the instances: asked once per agent and settings (a target), shared by all types.
    class Instances
      # A report of a check, when it was asked for, and the instance as the last call of the agent left it.
      Known = Struct.new(:check, :asked, :view)

      # @return [Instances] of the run that applies a catalog; those of no catalog are shared with nobody
      def self.of(catalog)
        return new if catalog.nil?

        @catalog, @latest = catalog, new(catalog) unless @catalog.equal?(catalog)
        @latest
      end

      def initialize(catalog = nil)
        @catalog = catalog
        @prefetched = []
        @known = {}
      end

      # Learns from one call about all instances of a target, the first time.
      # @yieldreturn [Hash{String => Report}] of every configured instance by name
      def prefetch(target)
        return if @prefetched.include?(target)

        @prefetched << target
        asked = Time.now
        yield.each { |name, report| learn(target, name, report, asked) if report.ok? }
      end

      # @yieldreturn [Report, nil] of an instance that is not known yet; nil where there is none
      # @return [Known, nil]
      def fetch(target, name)
        asked = Time.now
        @known[[target, name]] || (report = yield and learn(target, name, report, asked))
      end

      def learn(target, name, report, asked = Time.now)
        @known[[target, name]] = Known.new(report, asked, report.view)
      end

      # Forgets an instance if the run has changed anything since, such as its settings or its source.
      def renew(target, name)
        known = @known[[target, name]] or return
        forget(target, name) if @catalog && Elsewhere.changed_since?(known.asked, @catalog)
      end

      # Remembers how a call of the agent left an instance.
      def note(target, name, view)
        known = @known[[target, name]]
        known.view = view if known && view
      end

      # For a call that ended without a report: nobody knows what it left.
      def forget(target, name)
        @known.delete([target, name])
      end
    end
  end
end
