# frozen_string_literal: true

require 'spec_helper'

describe 'pitstop::batches' do
  hosts = ('a'..'j').to_a

  {
    [hosts, [1, '25%', '100%']] => [%w[a], %w[b c d], %w[e f g h i j]],
    [hosts, [4]] => [%w[a b c d], %w[e f g h], %w[i j]],
    [hosts, [20]] => [hosts],
    [hosts, ['1%', 3]] => [%w[a], %w[b c d], %w[e f g], %w[h i j]],
    [hosts, ['100%', '100%']] => [hosts],
    [%w[a b], [1, 1, 1]] => [%w[a], %w[b]],
    [[], [1]] => []
  }.each do |(all, sizes), waves|
    it "parts #{all.size} into #{sizes.join(', ')}" do
      is_expected.to run.with_params(all, sizes).and_return(waves)
    end
  end

  [[], [0], ['0%'], ['101%'], ['some']].each do |sizes|
    it { is_expected.to run.with_params(hosts, sizes).and_raise_error(/expects|mismatch/) }
  end
end
