#include "models/relative_position.h"

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "core/error.h"

namespace soragrad::models {
namespace {

constexpr int64_t kBuckets = 256, kMaxDistance = 512;  // DeBERTaV3's

// first distance:bucket of every run, up to the next; from transformers 4.46 and torch in float32.
constexpr const char* kRuns =
    "128:128 129:129 130:130 131:131 133:132 134:133 136:134 137:135 139:136 140:137 142:138 "
    "143:139 145:140 146:141 148:142 150:143 151:144 153:145 155:146 156:147 158:148 160:149 "
    "161:150 163:151 165:152 167:153 169:154 170:155 172:156 174:157 176:158 178:159 180:160 "
    "182:161 184:162 186:163 188:164 190:165 192:166 194:167 196:168 198:169 201:170 203:171 "
    "205:172 207:173 210:174 212:175 214:176 216:177 219:178 221:179 224:180 226:181 229:182 "
    "231:183 234:184 236:185 239:186 241:187 244:188 247:189 249:190 252:191 255:192 258:193 "
    "260:194 263:195 266:196 269:197 272:198 275:199 278:200 281:201 284:202 287:203 290:204 "
    "294:205 297:206 300:207 303:208 307:209 310:210 313:211 317:212 320:213 324:214 327:215 "
    "331:216 335:217 338:218 342:219 346:220 349:221 353:222 357:223 361:224 365:225 369:226 "
    "373:227 377:228 381:229 385:230 390:231 394:232 398:233 403:234 407:235 411:236 416:237 "
    "420:238 425:239 430:240 434:241 439:242 444:243 449:244 454:245 459:246 464:247 469:248 "
    "474:249 479:250 484:251 490:252 495:253 500:254 506:255 512:256 517:257";

}  // namespace

TEST_CASE("relative_bucket: near distances are their own bucket") {
  for (int64_t d = -128; d <= 128; ++d) CHECK(relative_bucket(d, kBuckets, kMaxDistance) == d);
}

TEST_CASE("relative_bucket: far distances share the reference's buckets") {
  std::istringstream runs(kRuns);
  int64_t begin = 0, bucket = 0, next = 0, next_bucket = 0;
  char colon = 0;
  runs >> begin >> colon >> bucket;
  int checked = 0;
  while (runs >> next >> colon >> next_bucket) {
    for (int64_t d = begin; d < next; ++d, ++checked) {
      CAPTURE(d);
      CHECK(relative_bucket(d, kBuckets, kMaxDistance) == bucket);
      CHECK(relative_bucket(-d, kBuckets, kMaxDistance) == -bucket);
    }
    begin = next;
    bucket = next_bucket;
  }
  CHECK(checked == 517 - 128);
  CHECK(relative_bucket(517, kBuckets, kMaxDistance) == 257);
}

TEST_CASE("relative_bucket: without buckets a distance is itself") {
  CHECK(relative_bucket(300, -1, 512) == 300);
  CHECK(relative_bucket(-9, 0, 512) == -9);
}

TEST_CASE("relative_rows: short sequences use the rows around the middle, one a distance") {
  const RelativeRows rows = relative_rows(5, kBuckets, kMaxDistance);
  CHECK(rows.begin == 252);
  CHECK(rows.end == 261);
  CHECK(rows.distance_row == std::vector<int32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8});
  const RelativeRows one = relative_rows(1, kBuckets, kMaxDistance);
  CHECK(one.begin == 256);
  CHECK(one.distance_row == std::vector<int32_t>{0});
}

TEST_CASE("relative_rows: 512 tokens stay inside the table, longer sequences are cut") {
  const RelativeRows rows = relative_rows(512, kBuckets, kMaxDistance);
  CHECK(rows.begin == 1);
  CHECK(rows.end == 512);
  const RelativeRows longer = relative_rows(3000, kBuckets, kMaxDistance);
  CHECK(longer.begin == 0);
  CHECK(longer.end == 512);
  CHECK(longer.distance_row.size() == 5999);
  CHECK(longer.distance_row.front() == 0);
  CHECK(longer.distance_row.back() == 511);
}

TEST_CASE("relative_rows: rows never fall, for any table") {
  for (const int64_t buckets : {-1, 2, 3, 7, 8, 32, 256}) {
    for (const int64_t max_distance : {20, 200, 512}) {
      if (buckets > 0 && max_distance - 1 <= buckets / 2) continue;
      const RelativeRows rows = relative_rows(700, buckets, max_distance);
      for (size_t i = 1; i < rows.distance_row.size(); ++i) {
        REQUIRE(rows.distance_row[i] >= rows.distance_row[i - 1]);
      }
      CHECK(rows.distance_row.back() == rows.end - rows.begin - 1);
    }
  }
}

TEST_CASE("relative_rows: more buckets than positions hold for near distances alone") {
  const RelativeRows rows = relative_rows(129, 256, 64);
  CHECK(rows.begin == 128);
  CHECK(rows.end == 385);
  CHECK_THROWS_WITH_AS(relative_rows(130, 256, 64),
                       "[relative_rows] a sequence of 130 tokens; position_buckets 256 and "
                       "max_relative_positions 64 are defined up to 129 tokens: truncate it.",
                       Error);
}

TEST_CASE("relative_rows: no tokens are refused") {
  CHECK_THROWS_AS(relative_rows(0, kBuckets, kMaxDistance), Error);
}

}  // namespace soragrad::models

// SPDX-License-Identifier: Apache-2.0
