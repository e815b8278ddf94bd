/* Whether the fastest kernels of a machine agree with the scalar ones: every kernel of the table,
 * on inputs from a seeded generator. Needs a C library only, so that it runs where no Swift does.
 *
 * Prints a line for each kernel with its greatest error, and ends with 1 if one is too large.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "CKernels.h"

enum { WIDTH = 64, COLUMNS = 512, ROWS = 7, KEYS = 150, BLOCKS = 3, POSITIONS = 5, GROUP = 3 };

static const ck_kernels *fast, *scalar;
static int failures;

static uint64_t state = 1;

/* SplitMix64. */
static uint64_t draw(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

/* About normal, of a standard deviation of 1. */
static float normal(void) {
  double sum = -6;
  for (int i = 0; i < 12; i++) sum += (double)(draw() >> 11) * 0x1p-53;
  return (float)sum;
}

static void fill(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = normal();
}

static void report(const char *name, const char *of, double worst, double allowed) {
  int is_wrong = !(worst <= allowed);
  failures += is_wrong;
  printf("%-16s %-8s %10.2e  of %.0e%s\n", name, of, worst, allowed, is_wrong ? "  WRONG" : "");
}

/* The greatest difference, beside 1 or the expected value if that is larger. NaN where one is. */
static double difference(const float *got, const float *expected, size_t count) {
  double worst = 0;
  for (size_t i = 0; i < count; i++) {
    double error = fabs((double)got[i] - expected[i]) / fmax(1, fabs(expected[i]));
    if (isnan(got[i]) != isnan(expected[i])) return NAN;
    if (got[i] != expected[i] && !isnan(got[i]) && !(error <= worst)) worst = error;
  }
  return worst;
}

static double bytes_that_differ(const void *one, const void *other, size_t size) {
  double count = 0;
  for (size_t i = 0; i < size; i++)
    count += ((const uint8_t *)one)[i] != ((const uint8_t *)other)[i];
  return count;
}

static void *room(size_t size) {
  /* Kernels may ask for 64 bytes of alignment. */
  void *memory = aligned_alloc(64, (size + 127) / 64 * 64);
  if (!memory) exit(2);
  memset(memory, 0, size);
  return memory;
}

/* MARK: weights */

static const struct {
  const char *name;
  ck_format format;
  size_t block_bytes;
  /* Where halves stand in a block of quantised weights. */
  size_t halves[2];
} formats[] = {
    {"F32", CK_FORMAT_F32, 128, {0}},       {"F16", CK_FORMAT_F16, 64, {0}},
    {"BF16", CK_FORMAT_BF16, 64, {0}},      {"Q4_0", CK_FORMAT_Q4_0, 18, {0, 0}},
    {"Q4_1", CK_FORMAT_Q4_1, 20, {0, 2}},   {"Q5_0", CK_FORMAT_Q5_0, 22, {0, 0}},
    {"Q8_0", CK_FORMAT_Q8_0, 34, {0, 0}},   {"Q4_K", CK_FORMAT_Q4_K, 144, {0, 2}},
    {"Q6_K", CK_FORMAT_Q6_K, 210, {208, 208}},
};

/* One row as a file has it. */
static void make_row(uint8_t *row, size_t index) {
  size_t size = ck_row_size(formats[index].format, COLUMNS);
  for (size_t i = 0; i < size; i++) row[i] = (uint8_t)draw();
  if (formats[index].format <= CK_FORMAT_BF16) {
    for (size_t i = 0; i < COLUMNS; i++) {
      float value = normal();
      uint32_t bits;
      memcpy(&bits, &value, 4);
      uint16_t half = formats[index].format == CK_FORMAT_F16 ? ck_float_to_half(value)
                                                             : (uint16_t)(bits >> 16);
      if (formats[index].format == CK_FORMAT_F32) memcpy(row + 4 * i, &value, 4);
      else memcpy(row + 2 * i, &half, 2);
    }
    return;
  }
  /* Superblocks multiply by scales of 6 and 8 bits: all weights are to be about 1. */
  float spread = formats[index].format >= CK_FORMAT_Q4_K ? 0.0005f : 0.02f;
  for (size_t at = 0; at < size; at += formats[index].block_bytes)
    for (int i = 0; i < 2; i++) {
      ck_half scale = ck_float_to_half(normal() * spread);
      memcpy(row + at + formats[index].halves[i], &scale, 2);
    }
}

static void check_products(size_t index) {
  ck_format format = formats[index].format;
  ck_packing packing = ck_packing_for(format);
  size_t row_size = ck_row_size(format, COLUMNS);
  uint8_t *rows = room(row_size * CK_TILE), *tile = room(ck_tile_size(packing, COLUMNS));
  for (size_t r = 0; r < CK_TILE; r++) make_row(rows + r * row_size, index);
  ck_pack(tile, rows, row_size, CK_TILE, format, COLUMNS);

  float *a = room(COLUMNS * CK_TILE * 4), *b = room(COLUMNS * CK_TILE * 4);
  fast->panel(a, tile, packing, COLUMNS, 64, 256);
  scalar->panel(b, tile, packing, COLUMNS, 64, 256);
  report("panel", formats[index].name, difference(a, b, 256 * CK_TILE), 1e-6);

  float *x = room(ROWS * COLUMNS * 4);
  fill(x, ROWS * COLUMNS);
  /* 512 products of about 1 in another order: 512 roundings of a sum of about 20. */
  double allowed = 1e-4;
  for (int accumulate = 0; accumulate < 2; accumulate++) {
    fill(a, ROWS * 20);
    memcpy(b, a, ROWS * 20 * 4);
    fast->product(a, 20, x, COLUMNS, ROWS, tile, packing, COLUMNS, accumulate);
    scalar->product(b, 20, x, COLUMNS, ROWS, tile, packing, COLUMNS, accumulate);
    report(accumulate ? "product +=" : "product", formats[index].name, difference(a, b, ROWS * 20),
           allowed);
  }
  if (ck_has_codes(packing)) {
    int8_t *codes = room(ROWS * COLUMNS);
    float *scales = room(ROWS * COLUMNS / 8), *sums = room(ROWS * COLUMNS / 8);
    for (size_t i = 0; i < ROWS; i++)
      scalar->quantise(codes + i * COLUMNS, scales + i * COLUMNS / CK_BLOCK,
                       sums + i * COLUMNS / CK_BLOCK, x + i * COLUMNS, COLUMNS);
    ck_codes quantised = {codes, scales, sums};
    for (int accumulate = 0; accumulate < 2; accumulate++) {
      fill(a, ROWS * 20);
      memcpy(b, a, ROWS * 20 * 4);
      fast->product_codes(a, 20, quantised, ROWS, tile, packing, COLUMNS, accumulate);
      scalar->product_codes(b, 20, quantised, ROWS, tile, packing, COLUMNS, accumulate);
      report(accumulate ? "product_codes +=" : "product_codes", formats[index].name,
             difference(a, b, ROWS * 20), allowed);
    }
    free(codes), free(scales), free(sums);
  }
  free(rows), free(tile), free(a), free(b), free(x);
}

/* MARK: rows */

static void check_rows(void) {
  float *x = room(COLUMNS * 4), *w = room(COLUMNS * 4), *a = room(COLUMNS * 4),
        *b = room(COLUMNS * 4);
  fill(x, COLUMNS), fill(w, COLUMNS);
  fast->rms_norm(a, x, w, COLUMNS, 1e-5f), scalar->rms_norm(b, x, w, COLUMNS, 1e-5f);
  report("rms_norm", "", difference(a, b, COLUMNS), 1e-5);

  float cosines[WIDTH / 2], sines[WIDTH / 2];
  for (int i = 0; i < WIDTH / 2; i++) cosines[i] = cosf((float)i), sines[i] = sinf((float)i);
  memcpy(a, x, COLUMNS * 4), memcpy(b, x, COLUMNS * 4);
  fast->rotate(a, cosines, sines, COLUMNS / WIDTH, WIDTH, WIDTH / 2 - 4);
  scalar->rotate(b, cosines, sines, COLUMNS / WIDTH, WIDTH, WIDTH / 2 - 4);
  report("rotate", "", difference(a, b, COLUMNS), 1e-6);

  memcpy(a, x, COLUMNS * 4), memcpy(b, x, COLUMNS * 4);
  a[3] = b[3] = 90, a[4] = b[4] = -90;
  fast->swiglu(a, w, 2, 240, 256), scalar->swiglu(b, w, 2, 240, 256);
  report("swiglu", "", difference(a, b, COLUMNS), 1e-5);

  for (size_t count = 1; count < 40; count += 13) {
    memcpy(a, x, COLUMNS * 4);
    a[count / 2] = count > 1 ? -INFINITY : 0;
    memcpy(b, a, COLUMNS * 4);
    float sums[2] = {fast->log_sum_exp(a, count), scalar->log_sum_exp(b, count)};
    report("log_sum_exp", "", difference(sums, sums + 1, 1), 1e-5);
    report("index", "",
           fast->index_of_greatest(a, count) != scalar->index_of_greatest(b, count), 0);
    fast->softmax(a, count), scalar->softmax(b, count);
    report("softmax", "", difference(a, b, count), 1e-5);
  }
  a[1] = b[1] = NAN;
  float sums[2] = {fast->log_sum_exp(a, 9), scalar->log_sum_exp(b, 9)};
  report("log_sum_exp", "NaN", isnan(sums[0]) && isnan(sums[1]) ? 0 : 1, 0);
  report("index", "NaN", fast->index_of_greatest(a, 9) != scalar->index_of_greatest(b, 9), 0);

  ck_half h[COLUMNS], g[COLUMNS];
  for (size_t i = 0; i < COLUMNS; i++) a[i] = x[i] * powf(10, (float)(i % 13) - 8);
  a[5] = INFINITY, a[6] = 65520, a[7] = 65519, a[8] = 2e-8f;
  fast->to_half(h, a, COLUMNS - 3), scalar->to_half(g, a, COLUMNS - 3);
  report("to_half", "", bytes_that_differ(h, g, (COLUMNS - 3) * 2), 0);
  for (size_t i = 0; i < COLUMNS; i++) h[i] = (ck_half)draw();
  fast->from_half(a, h, COLUMNS - 3), scalar->from_half(b, h, COLUMNS - 3);
  report("from_half", "", difference(a, b, COLUMNS - 3), 0);

  int8_t codes[2][COLUMNS];
  float scales[2][16], totals[2][16];
  x[40] = NAN;
  fast->quantise(codes[0], scales[0], totals[0], x, COLUMNS);
  scalar->quantise(codes[1], scales[1], totals[1], x, COLUMNS);
  /* A block with a NaN has no codes to speak of. */
  report("quantise", "",
         bytes_that_differ(codes[0], codes[1], CK_BLOCK) +
             bytes_that_differ(codes[0] + 64, codes[1] + 64, COLUMNS - 64),
         0);
  report("quantise", "scales", difference(scales[0], scales[1], 16), 1e-6);
  free(x), free(w), free(a), free(b);
}

/* MARK: attention */

typedef struct cache {
  ck_half *keys, *values, *key_scales, *value_scales;
  int8_t *key_codes, *value_codes;
} cache;

static cache make_cache(const ck_kernels *kernels, const float *k, const float *v) {
  size_t size = (size_t)BLOCKS * CK_KEYS * WIDTH;
  cache c = {room(size * 2), room(size * 2), room(BLOCKS * CK_KEYS * 2), room(BLOCKS * CK_KEYS * 2),
             room(size), room(size)};
  for (size_t i = 0; i < KEYS; i++) {
    size_t block = i / CK_KEYS * CK_KEYS * WIDTH, first = i / CK_KEYS * CK_KEYS;
    kernels->store(c.keys + block, c.values + block, k + i * WIDTH, v + i * WIDTH, WIDTH,
                   i % CK_KEYS);
    kernels->store_codes(c.key_codes + block, c.key_scales + first, c.value_codes + block,
                         c.value_scales + first, k + i * WIDTH, v + i * WIDTH, WIDTH, i % CK_KEYS);
  }
  return c;
}

static void check_attention(void) {
  float *k = room(KEYS * WIDTH * 4), *v = room(KEYS * WIDTH * 4);
  fill(k, KEYS * WIDTH), fill(v, KEYS * WIDTH);
  cache c = make_cache(scalar, k, v), d = make_cache(fast, k, v);
  size_t size = (size_t)BLOCKS * CK_KEYS * WIDTH;
  report("store", "", bytes_that_differ(c.keys, d.keys, size * 2) +
                          bytes_that_differ(c.values, d.values, size * 2), 0);
  report("store_codes", "", bytes_that_differ(c.key_codes, d.key_codes, size) +
                                bytes_that_differ(c.value_codes, d.value_codes, size) +
                                bytes_that_differ(c.key_scales, d.key_scales, BLOCKS * 128), 0);

  size_t stride = GROUP * WIDTH + 16, rows = POSITIONS * stride;
  float *q = room(rows * 4), *sinks = room(rows * 4), *a = room(rows * 4), *b = room(rows * 4);
  fill(q, rows), fill(sinks, rows);
  float *scratch = room(ck_flash_scratch(WIDTH) * 4),
        *scores = room((size_t)POSITIONS * GROUP * BLOCKS * CK_KEYS * 4);
  for (int are_codes = 0; are_codes < 2; are_codes++)
    for (int is_window = 0; is_window < 2; is_window++) {
      ck_key_block blocks[BLOCKS];
      for (int i = 0; i < BLOCKS; i++) {
        size_t at = (size_t)i * CK_KEYS * WIDTH, first = (size_t)i * CK_KEYS;
        blocks[i] = (ck_key_block){
            are_codes ? NULL : c.keys + at, are_codes ? NULL : c.values + at,
            are_codes ? c.key_codes + at : NULL, are_codes ? c.value_codes + at : NULL,
            are_codes ? c.key_scales + first : NULL, are_codes ? c.value_scales + first : NULL,
            i * CK_KEYS, 0, is_window && i == 0 ? 4 : KEYS,
            is_window && i > 0 ? 70 : INT32_MAX, is_window && i == 0};
      }
      ck_query_tile tile = {q, is_window ? sinks : NULL, a, stride, POSITIONS, GROUP, WIDTH,
                            KEYS - POSITIONS, 0.125f};
      const char *of = are_codes ? is_window ? "q8, win" : "q8" : is_window ? "f16, win" : "f16";
      fast->flash(&tile, blocks, BLOCKS, scratch);
      tile.out = b;
      scalar->flash(&tile, blocks, BLOCKS, scratch);
      report("flash", of, difference(a, b, rows), 1e-5);
      tile.out = a;
      fast->dense(&tile, blocks, BLOCKS, scores, scratch);
      tile.out = b;
      scalar->dense(&tile, blocks, BLOCKS, scores, scratch);
      report("dense", of, difference(a, b, rows), 1e-5);
    }

  for (int kind = 0; kind < 2; kind++)
    for (size_t run = 16; run <= 64; run *= 2) {
      size_t runs = CK_KEYS / run, channels = WIDTH * (kind == CK_SUMMARY_RANGES ? 2 : 1);
      ck_half s[2][2 * WIDTH * 4];
      memset(s, 0, sizeof s);
      for (size_t i = 0; i < runs; i++) {
        fast->summarise(s[0], c.keys, WIDTH, run, i, (ck_summary)kind);
        scalar->summarise(s[1], c.keys, WIDTH, run, i, (ck_summary)kind);
      }
      float means[2][2 * WIDTH * 4];
      for (int i = 0; i < 2; i++) scalar->from_half(means[i], s[i], channels * runs);
      const char *of = kind == CK_SUMMARY_RANGES ? "ranges" : "means";
      /* A mean in another order may be rounded to the next half. */
      report("summarise", of, difference(means[0], means[1], channels * runs), 1e-3);
      ck_query_tile tile = {q, NULL, a, stride, POSITIONS, GROUP, WIDTH, KEYS - POSITIONS, 0.125f};
      float selector[2][2 * WIDTH * 4], scored[2][4];
      fast->gather_selector(selector[0], &tile, runs, (ck_summary)kind);
      scalar->gather_selector(selector[1], &tile, runs, (ck_summary)kind);
      report("selector", of, difference(selector[0], selector[1], channels * runs), 1e-5);
      fast->score_runs(scored[0], selector[1], s[1], channels, runs);
      scalar->score_runs(scored[1], selector[1], s[1], channels, runs);
      report("score_runs", of, difference(scored[0], scored[1], runs), 1e-4);
    }

  float cosines[WIDTH / 2 * CK_KEYS], sines[WIDTH / 2 * CK_KEYS];
  for (int i = 0; i < WIDTH / 2 * CK_KEYS; i++)
    cosines[i] = cosf((float)i), sines[i] = sinf((float)i);
  fast->turn(c.keys, cosines, sines, WIDTH / 2), scalar->turn(d.keys, cosines, sines, WIDTH / 2);
  float *one = room(CK_KEYS * WIDTH * 4), *other = room(CK_KEYS * WIDTH * 4);
  scalar->from_half(one, c.keys, CK_KEYS * WIDTH);
  scalar->from_half(other, d.keys, CK_KEYS * WIDTH);
  report("turn", "", difference(one, other, CK_KEYS * WIDTH), 1e-3);
  free(k), free(v), free(q), free(sinks), free(a), free(b), free(scratch), free(scores);
  free(one), free(other);
}

int main(void) {
  ck_level level = ck_fastest();
  fast = ck_table(level), scalar = ck_table(CK_LEVEL_SCALAR);
  const char *names[] = {"scalar", "AVX2", "AVX-512", "NEON"};
  printf("%s against scalar\n", names[level]);
  if (fast == scalar) {
    printf("there is nothing to compare\n");
    return 1;
  }
  for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) check_products(i);
  check_rows();
  check_attention();
  printf(failures ? "%d comparisons failed\n" : "all agree\n", failures);
  return failures != 0;
}
