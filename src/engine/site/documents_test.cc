#include "engine/site/documents.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace selvedge::engine {
namespace {

std::string json_of(const SiteDocuments& documents, const std::string& task) {
  const SiteDocument* const found = documents.find(task);
  return found == nullptr ? "" : found->json;
}

TEST(SiteDocuments, TheLaterClaimCountsAndOfOneClaimTheLaterWord) {
  SiteDocuments documents;
  EXPECT_NE(documents.say("a", 1, 1, "one"), nullptr);
  EXPECT_EQ(documents.say("a", 1, 1, "one"), nullptr) << "nothing new";
  EXPECT_EQ(documents.say("a", 1, 1, "two")->change, 1u);
  EXPECT_TRUE(documents.take({"a", 1, 2, 0, "three"}));
  EXPECT_FALSE(documents.take({"a", 1, 1, 5, "old"}));
  EXPECT_EQ(json_of(documents, "a"), "three");
  EXPECT_TRUE(documents.take({"a", 2, 1, 0, "four"}));
  EXPECT_EQ(json_of(documents, "a"), "four");
}

TEST(SiteDocuments, WhatIsWithdrawnComesBackOnlyUnderALaterClaim) {
  SiteDocuments documents;
  documents.say("a", 3, 4, "one");
  ASSERT_NE(documents.withdraw("a"), nullptr);
  EXPECT_EQ(documents.find("a"), nullptr);
  EXPECT_EQ(documents.withdraw("a"), nullptr);
  EXPECT_FALSE(documents.take({"a", 3, 4, 0, "one"}));
  EXPECT_FALSE(documents.take({"a", 3, 3, 9, "one"}));
  EXPECT_TRUE(documents.take({"a", 3, 5, 0, "again"}));
  EXPECT_EQ(documents.withdraw("nobody knows it"), nullptr);
}

TEST(SiteDocuments, MergeToTheSameInAnyOrder) {
  std::mt19937 random(5);
  std::vector<SiteDocument> all;
  for (int i = 0; i < 200; ++i)
    all.push_back({"t" + std::to_string(random() % 5), random() % 3, random() % 3, random() % 3, ""});
  // Of one version there is one text.
  for (SiteDocument& one : all)
    if (random() % 3 != 0) one.json = one.task + std::to_string(one.generation * 100 + one.epoch * 10 + one.change);
  SiteDocuments first;
  for (const SiteDocument& one : all) first.take(one);
  for (int round = 0; round < 20; ++round) {
    std::ranges::shuffle(all, random);
    SiteDocuments other;
    for (const SiteDocument& one : all) other.take(one);
    std::vector<SiteDocument> a, b;
    first.each([&](const SiteDocument& one) { a.push_back(one); });
    other.each([&](const SiteDocument& one) { b.push_back(one); });
    EXPECT_EQ(a, b);
  }
}

TEST(SiteDocuments, AreBounded) {
  SiteDocuments documents({.documents = 3, .bytes = 10, .document_bytes = 6});
  EXPECT_FALSE(documents.take({"a", 1, 1, 0, "1234567"}));
  EXPECT_TRUE(documents.take({"a", 1, 1, 0, "123456"}));
  EXPECT_FALSE(documents.take({"b", 1, 1, 0, "12345"}));
  EXPECT_TRUE(documents.take({"b", 1, 1, 0, "1234"}));
  EXPECT_TRUE(documents.take({"c", 1, 1, 0, ""}));
  EXPECT_TRUE(documents.take({"a", 1, 2, 0, "1"}));
  EXPECT_TRUE(documents.take({"d", 1, 1, 0, "12"})) << "what is withdrawn makes room";
  EXPECT_FALSE(documents.take({"e", 1, 1, 0, ""}));
  EXPECT_FALSE(documents.take({"", 1, 1, 0, ""}));
  EXPECT_EQ(documents.refused(), 4u);
}

}  // namespace
}  // namespace selvedge::engine
