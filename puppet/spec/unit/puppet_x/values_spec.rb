# frozen_string_literal: true

require 'spec_helper'
require 'puppet_x/pitstop/values'

describe PuppetX::Pitstop::Values do
  def document(values, **options)
    JSON.parse(described_class.document(values, **options))
  end

  def sensitive(value)
    Puppet::Pops::Types::PSensitiveType::Sensitive.new(value)
  end

  def secret(text)
    { 'secret' => { 'value' => text } }
  end

  it 'passes plain values as they are' do
    values = { 'a' => [1, 2.5, true, nil, 'x'], 'b' => { 'c' => {} } }
    expect(document(values)).to eq(values)
  end

  it 'makes secrets of sensitive texts, wherever they are' do
    map = { 'e' => ['z'], 'f' => 'z' }
    values = { 'a' => sensitive('x'), 'b' => [{ 'c' => sensitive('y') }], 'd' => sensitive(map) }
    expect(document(values)).to eq(
      'a' => secret('x'), 'b' => [{ 'c' => secret('y') }], 'd' => { 'e' => [secret('z')], 'f' => secret('z') }
    )
  end

  it 'makes a secret of every text of a sensitive whole' do
    expect(document({ 'a' => 'x', 'b' => 1, 'c' => { 'secret' => { 'env' => 'X' } } }, sensitive: true)).to eq(
      'a' => secret('x'), 'b' => 1, 'c' => { 'secret' => { 'env' => 'X' } }
    )
  end

  it 'refuses what it could not keep secret or pass on, and does not repeat it' do
    {
      'a sensitive number' => { 'pin' => sensitive(4711) },
      'a number inside of something sensitive' => { 'a' => sensitive({ 'pin' => [4711] }) },
      'a regular expression' => { 'a' => /4711/ },
      'a text' => '4711'
    }.each do |what, values|
      expect { described_class.validate(values) }.to raise_error(ArgumentError) { |e|
        expect(e.message).not_to include('4711'), what
      }
    end
  end
end
