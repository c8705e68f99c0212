#include <gtest/gtest.h>

#include "codec/payload/decode_for_test.h"

namespace selvedge::codec::payload {
namespace {

void expect(const std::vector<DecodeCase>& cases, const Options& options) {
  for (const DecodeCase& c : cases) EXPECT_EQ(to_line(c.payload, options), c.line) << c.payload;
}

TEST(LineProtocol, NamesAReadingByMeasurementTagsAndField) {
  expect({{"weather temperature=82 1465839830100400200", "weather/temperature=82@1465839830100400200"},
          {"weather,location=us temperature=82,humidity=71.5 1465839830100400200",
           "weather,location=us/temperature=82@1465839830100400200; "
           "weather,location=us/humidity=71.5@1465839830100400200"},
          {"weather temperature=82", "weather/temperature=82"},
          {"m,b=2,a=1 f=1", "m,a=1,b=2/f=1"},
          {"m,a=1,b=2 f=1\nm,b=2,a=1 f=2", "m,a=1,b=2/f=1; m,a=1,b=2/f=2"},
          {"m a=1\nm b=2\nm,x=y b=3\nm b=4", "m/a=1; m/b=2; m,x=y/b=3; m/b=4"},
          {"m  f=1  5 ", "m/f=1@5000000000"},
          {"  m f=1", "m/f=1"},
          {"m f=1 -1", "m/f=1@-1000000000"},
          {"a/b,c=d/e f/g=1", "a/b,c=d/e/f/g=1"},
          {"\xC3\xA9t\xC3\xA9 f=1", "\xC3\xA9t\xC3\xA9/f=1"},
          {"", ""}},
         with_format(Format::line_protocol));
}

TEST(LineProtocol, ReadsEveryKindOfValue) {
  expect({{"m a=1,b=-1.5,c=1e3,d=-1.5E-2,e=+2,g=.5,h=5.", "m/a=1; m/b=-1.5; m/c=1000; m/d=-0.015; m/e=2; m/g=0.5; m/h=5"},
          {"m a=1i,b=-12i,c=0i,d=9223372036854775807i,e=-9223372036854775808i",
           "m/a=1i; m/b=-12i; m/c=0i; m/d=9223372036854775807i; m/e=-9223372036854775808i"},
          {"m a=1u,b=9223372036854775807u", "m/a=1i; m/b=9223372036854775807i"},
          {"m a=9007199254740993", "m/a=9007199254740992"},
          {"m a=t,b=T,c=true,d=True,e=TRUE,f=f,g=F,h=false,i=False,j=FALSE",
           "m/a=true; m/b=true; m/c=true; m/d=true; m/e=true; m/f=false; m/g=false; m/h=false; m/i=false; m/j=false"},
          {"m s=\"a text\",n=1", "m/s=\"a text\"; m/n=1"},
          {R"(m s="say \"hi\" c:\\x \n" 5)", "m/s=\"say \"hi\" c:\\x \\n\"@5000000000"},
          {"m s=\"a,b=c d\",t=\"\"", "m/s=\"a,b=c d\"; m/t=\"\""},
          {"m s=\"two\nlines\",n=1\nm n=2", "m/s=\"two\nlines\"; m/n=1; m/n=2"},
          {R"(m a="1\\",b="2\"",c="3")", R"(m/a="1\"; m/b="2""; m/c="3")"}},
         with_texts(Format::line_protocol));
  expect({{R"(m s="out",n=1,e="a\"b")", "m/n=1"}}, with_format(Format::line_protocol));
}

TEST(LineProtocol, UnescapesNames) {
  expect({{R"(my\ measure\,ment,ta\ g=va\,lu\=e fi\=el\ d=1)", "my measure,ment,ta g=va,lu=e/fi=el d=1"},
          {R"(m\x,a=b\c f\d=1)", R"(m\x,a=b\c/f\d=1)"},
          {R"("m" "f"=1)", R"("m"/"f"=1)"},
          {"weather,loc=us\\ midwest temp=82", "weather,loc=us midwest/temp=82"}},
         with_format(Format::line_protocol));
}

TEST(LineProtocol, SkipsCommentsAndBlankLines) {
  expect({{"# a comment f=1\nm f=1\n\n   \n# another\nm f=2\n", "m/f=1; m/f=2"},
          {"m f=1\r\nm f=2 7\r\n\r\n# x\r\n", "m/f=1; m/f=2@7000000000"},
          {"\xEF\xBB\xBFm f=1", "m/f=1"},
          {"#", ""}},
         with_format(Format::line_protocol));
}

TEST(LineProtocol, TakesTimesInTheUnitAskedFor) {
  Options options = with_format(Format::line_protocol);
  expect({{"m f=1 1700000000", "m/f=1@1700000000000000000"},
          {"m f=1 1700000000123", "m/f=1@1700000000123000000"},
          {"m f=1 1700000000123456789", "m/f=1@1700000000123456789"}},
         options);
  options.time_unit = Options::TimeUnit::ns;
  expect({{"m f=1 1700000000", "m/f=1@1700000000"}}, options);
  options.time_unit = Options::TimeUnit::ms;
  expect({{"m f=1 1700000000", "m/f=1@1700000000000000"},
          {"m f=1 9223372036855", "! decode line-protocol: line 1: time '9223372036855': not a time we can hold"}},
         options);
}

TEST(LineProtocol, SaysWhatAndWhere) {
  const std::string at = "! decode line-protocol: line ";
  expect({{"m f=1\nm f=2\nm f=abc", at + "3: field 'f': value 'abc': not a number"},
          {"m f=NaN", at + "1: field 'f': value 'NaN': not a number"},
          {"m f=inf", at + "1: field 'f': value 'inf': not a number"},
          {"m f=-Inf", at + "1: field 'f': value '-Inf': not a number"},
          {"m f=1x", at + "1: field 'f': value '1x': not a number"},
          {"m f=1ii", at + "1: field 'f': value '1ii': not a number"},
          {"m f=", at + "1: field 'f': value '': not a number"},
          {"m f=i", at + "1: field 'f': value 'i': not a number"},
          {"m f=1e999", at + "1: field 'f': value '1e999': too large a number"},
          {"m f=1.5i", at + "1: field 'f': value '1.5i': not a 64-bit integer"},
          {"m f=1e3i", at + "1: field 'f': value '1e3i': not a 64-bit integer"},
          {"m f=9223372036854775808i", at + "1: field 'f': value '9223372036854775808i': not a 64-bit integer"},
          {"m f=-1u", at + "1: field 'f': value '-1u': not a 64-bit integer"},
          {"m f=18446744073709551615u", at + "1: field 'f': value '18446744073709551615u': not a 64-bit integer"},
          {"m", at + "1: no fields after the measurement"},
          {"m,a=b", at + "1: no fields after the measurement"},
          {"m ", at + "1: field '': expected key=value"},
          {"m f", at + "1: field 'f': expected key=value"},
          {"m f=1,", at + "1: field '': expected key=value"},
          {"m =1", at + "1: field '': expected key=value"},
          {",a=b f=1", at + "1: no measurement before the tags"},
          {"m,a f=1", at + "1: tag 'a': expected key=value"},
          {"m,=b f=1", at + "1: tag '': expected key=value"},
          {"m,a= f=1", at + "1: tag 'a': has no value"},
          {"m,a=b=c f=1", at + "1: no fields after the measurement"},
          {"m,a=1,a=2 f=1", at + "1: tag 'a': stands there twice"},
          {"m f=1 x", at + "1: time 'x': not an integer"},
          {"m f=1 1.5", at + "1: time '1.5': not an integer"},
          {"m f=1 1 2", at + "1: something follows the time '1'"},
          {"m f=1 99999999999", at + "1: time '99999999999': not a time we can hold"},
          {"m f=\"abc", at + "1: field 'f': a quoted string does not end"},
          {"m f=\"abc\\\"", at + "1: field 'f': a quoted string does not end"},
          {"m f=\"abc\"x", at + "1: field 'f': something follows the closing quote"},
          {"m f=\"a\nb\"\nm f=x", at + "3: field 'f': value 'x': not a number"},
          {"m f=1\rm f=2", at + "1: a carriage return inside the line"},
          {"m\tx f=1", at + "1: name 'm\\x09x/f': holds a control character"},
          {"m f=1\n\nm f=\xFF", "! decode line-protocol: not UTF-8"},
          {std::string("m\0 f=1", 6), at + "1: name 'm\\x00/f': holds a control character"}},
         with_texts(Format::line_protocol));
}

TEST(LineProtocol, BoundsNamesTagsReadingsAndTexts) {
  Options options = with_texts(Format::line_protocol);
  options.bounds.name_bytes = 8;
  options.bounds.readings = 2;
  options.bounds.text_bytes = 3;
  const std::string at = "! decode line-protocol: line ";
  expect({{"mmm,a=b f=1", at + "1: name 'mmm,a=b/f': longer than 8 bytes"},
          {"mmmm,a=bb f=1", at + "1: measurement and tags: longer than 8 bytes"},
          {"mm,a=b f=1", "mm,a=b/f=1"},
          {"m a=1,b=2", "m/a=1; m/b=2"},
          {"m a=1,b=2\nm a=3", at + "2: more than 2 readings in one message"},
          {"m s=\"123\"", "m/s=\"123\""},
          {"m s=\"1234\"", at + "1: text of 'm/s': 4 bytes, at most 3 allowed"}},
         options);
  std::string tags = "m";
  for (int i = 0; i < 64; ++i) tags += ",t" + std::to_string(i) + "=v";
  EXPECT_EQ(to_line(tags + " f=1", with_format(Format::line_protocol)).substr(0, 7), "m,t0=v,");
  EXPECT_EQ(to_line(tags + ",z=v f=1", with_format(Format::line_protocol)), at + "1: more than 64 tags");
}

TEST(LineProtocol, SurvivesBeingCutOffAnywhere) {
  const std::string whole = R"(m\ x,a=b,c=d f=1.5,g=2i,s="t\"u",t=true 1700000000)";
  for (std::size_t size = 0; size <= whole.size(); ++size) {
    const base::Bytes cut = base::to_bytes(std::string_view(whole).substr(0, size));
    base::ignore(decode(cut, with_texts(Format::line_protocol), test_arrival, [](const Found&) {}),
                 "the sanitizer looks for steps beyond the end");
  }
}

}  // namespace
}  // namespace selvedge::codec::payload
