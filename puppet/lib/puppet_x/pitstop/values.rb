# frozen_string_literal: true

require 'json'
require 'puppet'

module PuppetX
  module Pitstop
    # Values of Puppet as the agent reads them from standard input.
    module Values
      Sensitive = Puppet::Pops::Types::PSensitiveType::Sensitive

      module_function

      # @param values [Hash] what templates may use; texts that are `Sensitive` become the agent's secrets
      # @param sensitive [Boolean] whether the whole was `Sensitive`: each text in it is a secret then
      # @return [String] a JSON document
      def document(values, sensitive: false)
        JSON.generate(values.transform_values { |value| sensitive ? secrets(value) : plain(value) })
      end

      # @raise [ArgumentError] where something in a value cannot be told to the agent, or could not be kept secret
      def validate(values)
        raise ArgumentError, 'values must be a hash' unless values.is_a?(Hash)

        plain(values)
      end

      def plain(value)
        case value
        when Hash then map(value) { |inner| plain(inner) }
        when Array then value.map { |inner| plain(inner) }
        when Sensitive then secrets(value.unwrap, only: true)
        when String, Integer, Float, true, false, nil then value
        else raise ArgumentError, "a value of the type #{value.class} cannot be passed on"
        end
      end

      # @param only [Boolean] whether what cannot be a secret, such as a number, is refused
      def secrets(value, only: false)
        case value
        when Sensitive then secrets(value.unwrap, only: true)
        when Hash then reference?(value) ? value : map(value) { |inner| secrets(inner, only: only) }
        when Array then value.map { |inner| secrets(inner, only: only) }
        when String then { 'secret' => { 'value' => value } }
        else only ? raise(ArgumentError, 'only texts can be Sensitive: put quotes around the value') : plain(value)
        end
      end

      # What already tells the agent where a secret is.
      def reference?(map)
        map.keys == ['secret'] && map['secret'].is_a?(Hash)
      end

      def map(hash)
        hash.to_h { |key, value| [String(key), yield(value)] }
      end
    end
  end
end
