/* The scalar twins: each kernel as its formula reads. Others must equal them up to rounding. */
#include "internal.h"

#include <math.h>
#include <string.h>

static void panel(float *out, const void *tile, ck_packing packing, size_t columns, size_t first,
                  size_t count) {
  for (size_t k = 0; k < count; k++)
    for (size_t r = 0; r < CK_TILE; r++)
      out[k * CK_TILE + r] = packed_element(tile, packing, columns, r, first + k);
}

static void product(float *out, size_t out_stride, const float *x, size_t x_stride, size_t rows,
                    const void *tile, ck_packing packing, size_t columns, int accumulate) {
  float weights[CK_BLOCK * CK_TILE];
  for (size_t first = 0; first < columns; first += CK_BLOCK) {
    panel(weights, tile, packing, columns, first, CK_BLOCK);
    for (size_t i = 0; i < rows; i++)
      for (size_t r = 0; r < CK_TILE; r++) {
        float sum = 0;
        for (size_t k = 0; k < CK_BLOCK; k++)
          sum += x[i * x_stride + first + k] * weights[k * CK_TILE + r];
        float *cell = out + i * out_stride + r;
        *cell = sum + (accumulate || first > 0 ? *cell : 0);
      }
  }
}

static void product_codes(float *out, size_t out_stride, ck_codes x, size_t rows, const void *tile,
                          ck_packing packing, size_t columns, int accumulate) {
  size_t blocks = columns / CK_BLOCK;
  float weights[CK_BLOCK * CK_TILE];
  for (size_t b = 0; b < blocks; b++) {
    panel(weights, tile, packing, columns, b * CK_BLOCK, CK_BLOCK);
    for (size_t i = 0; i < rows; i++)
      for (size_t r = 0; r < CK_TILE; r++) {
        float sum = 0;
        for (size_t k = 0; k < CK_BLOCK; k++)
          sum += (float)x.codes[i * columns + b * CK_BLOCK + k] * weights[k * CK_TILE + r];
        float *cell = out + i * out_stride + r;
        *cell = sum * x.scales[i * blocks + b] + (accumulate || b > 0 ? *cell : 0);
      }
  }
}

static void quantise(int8_t *codes, float *scales, float *sums, const float *x, size_t columns) {
  for (size_t b = 0; b < columns / CK_BLOCK; b++, x += CK_BLOCK, codes += CK_BLOCK) {
    float largest = 0;
    int is_number = 1;
    for (size_t k = 0; k < CK_BLOCK; k++) {
      if (!(fabsf(x[k]) <= 3.402823466e38f)) is_number = 0;
      largest = fmaxf(largest, fabsf(x[k]));
    }
    if (!is_number) {
      memset(codes, 0, CK_BLOCK);
      scales[b] = sums[b] = NAN;
      continue;
    }
    float inverse = largest > 0 ? 127 / largest : 0;
    int32_t sum = 0;
    for (size_t k = 0; k < CK_BLOCK; k++) {
      codes[k] = (int8_t)fmaxf(-127, fminf(127, nearbyintf(x[k] * inverse)));
      sum += codes[k];
    }
    scales[b] = largest / 127;
    sums[b] = (float)sum;
  }
}

static void rms_norm(float *out, const float *x, const float *weight, size_t width, float epsilon) {
  double squares = 0;
  for (size_t i = 0; i < width; i++) squares += (double)x[i] * x[i];
  float factor = (float)(1 / sqrt(squares / (double)width + epsilon));
  for (size_t i = 0; i < width; i++) out[i] = x[i] * factor * weight[i];
}

static void rotate(float *x, const float *cosines, const float *sines, size_t heads, size_t width,
                   size_t pairs) {
  for (size_t h = 0; h < heads; h++, x += width)
    for (size_t i = 0; i < pairs; i++) {
      float a = x[2 * i], b = x[2 * i + 1];
      x[2 * i] = a * cosines[i] - b * sines[i];
      x[2 * i + 1] = a * sines[i] + b * cosines[i];
    }
}

static void swiglu(float *gate, const float *up, size_t rows, size_t columns, size_t stride) {
  for (size_t i = 0; i < rows; i++)
    for (size_t c = 0; c < columns; c++) {
      float *g = gate + i * stride + c;
      *g = *g / (1 + expf(-*g)) * up[i * stride + c];
    }
}

static void softmax(float *x, size_t count) {
  float largest = -INFINITY, sum = 0;
  for (size_t i = 0; i < count; i++) largest = fmaxf(largest, x[i]);
  for (size_t i = 0; i < count; i++) sum += x[i] = expf(x[i] - largest);
  for (size_t i = 0; i < count; i++) x[i] /= sum;
}

static float log_sum_exp(const float *x, size_t count) {
  float largest = -INFINITY;
  double sum = 0;
  for (size_t i = 0; i < count; i++) largest = fmaxf(largest, x[i]);
  for (size_t i = 0; i < count; i++) sum += exp((double)x[i] - largest);
  return (float)(largest + log(sum));
}

static size_t index_of_greatest(const float *x, size_t count) {
  float greatest = -INFINITY;
  size_t place = 0;
  for (size_t i = 0; i < count; i++)
    if (x[i] > greatest) {
      greatest = x[i];
      place = i;
    }
  return place;
}

static void to_half(ck_half *out, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = ck_float_to_half(x[i]);
}

static void from_half(float *out, const ck_half *x, size_t count) {
  for (size_t i = 0; i < count; i++) out[i] = ck_half_to_float(x[i]);
}

static void store(ck_half *keys, ck_half *values, const float *key, const float *value,
                  size_t width, size_t slot) {
  for (size_t c = 0; c < width; c++) {
    keys[c * CK_KEYS + slot] = ck_float_to_half(key[c]);
    values[slot * width + c] = ck_float_to_half(value[c]);
  }
}

/* Channel `c` of key `slot`, turned if the block has codes. */
static float key_at(const ck_key_block *block, size_t c, size_t slot) {
  size_t at = c * CK_KEYS + slot;
  if (block->keys) return ck_half_to_float(block->keys[at]);
  return ck_half_to_float(block->key_scales[slot]) * (float)block->key_codes[at];
}

/* The query as the blocks' keys are: turned in `scratch` if they are codes. */
static const float *query_for(const ck_key_block *blocks, size_t count, const float *query,
                              size_t width, float *scratch) {
  if (count == 0 || blocks->keys) return query;
  memcpy(scratch, query, width * sizeof *query);
  ck_hadamard(scratch, width);
  for (size_t c = 0; c < width; c++) scratch[c] /= (float)ck_hadamard_size(width);
  return scratch;
}

/* Channel `c` of value `slot`. */
static float value_at(const ck_key_block *block, size_t width, size_t c, size_t slot) {
  size_t at = slot * width + c;
  if (block->values) return ck_half_to_float(block->values[at]);
  return ck_half_to_float(block->value_scales[slot]) * (float)block->value_codes[at];
}

/* scale * query . key `slot` of a block. */
static float score(const ck_query_tile *tile, const float *query, const ck_key_block *block,
                   size_t slot) {
  float sum = 0;
  for (size_t c = 0; c < tile->width; c++) sum += query[c] * key_at(block, c, slot);
  return sum * tile->scale;
}

static void add_value(const ck_query_tile *tile, float *out, float weight,
                      const ck_key_block *block, size_t slot) {
  for (size_t c = 0; c < tile->width; c++)
    out[c] += weight * value_at(block, tile->width, c, slot);
}

/* One query row, key by key: the recurrence of Milakov & Gimelshein (2018). */
static void flash_row(const ck_query_tile *tile, size_t offset, int32_t position,
                      const ck_key_block *blocks, size_t count, float *scratch) {
  float *out = tile->out + offset;
  float largest = -INFINITY, sum = 0;
  memset(out, 0, tile->width * sizeof *out);
  for (const ck_key_block *block = blocks; block < blocks + count; block++) {
    int32_t high = visible_high(block, position);
    const float *query =
        query_for(block, 1, queries_for(tile, block) + offset, tile->width, scratch);
    for (int32_t slot = visible_low(block, position); slot < high; slot++) {
      float s = score(tile, query, block, (size_t)slot);
      if (s > largest) {
        float correction = expf(largest - s);
        sum *= correction;
        for (size_t c = 0; c < tile->width; c++) out[c] *= correction;
        largest = s;
      }
      float weight = expf(s - largest);
      sum += weight;
      add_value(tile, out, weight, block, (size_t)slot);
    }
  }
  for (size_t c = 0; c < tile->width && sum != 0; c++) out[c] /= sum;
}

static void flash(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                  float *scratch) {
  for (size_t i = 0; i < tile->positions; i++)
    for (size_t h = 0; h < tile->group; h++)
      flash_row(tile, i * tile->stride + h * tile->width, tile->position + (int32_t)i, blocks,
                count, scratch);
}

static void dense(const ck_query_tile *tile, const ck_key_block *blocks, size_t count,
                  float *scores, float *scratch) {
  size_t keys = count * CK_KEYS;
  for (size_t row = 0; row < tile->positions * tile->group; row++) {
    size_t i = row / tile->group;
    size_t offset = i * tile->stride + row % tile->group * tile->width;
    int32_t position = tile->position + (int32_t)i;
    float *line = scores + row * keys, *out = tile->out + offset;
    const float *query = query_for(blocks, count, tile->queries + offset, tile->width, scratch);
    int32_t seen = 0;
    for (size_t j = 0; j < keys; j++) {
      const ck_key_block *block = blocks + j / CK_KEYS;
      int32_t slot = (int32_t)(j % CK_KEYS);
      int is_visible = slot >= visible_low(block, position) && slot < visible_high(block, position);
      seen += is_visible;
      line[j] = is_visible ? score(tile, query, block, (size_t)slot) : -INFINITY;
    }
    memset(out, 0, tile->width * sizeof *out);
    if (seen == 0) continue;
    softmax(line, keys);
    for (size_t j = 0; j < keys; j++)
      add_value(tile, out, line[j], blocks + j / CK_KEYS, j % CK_KEYS);
  }
}

const ck_kernels ck_kernels_scalar = {
    .panel = panel,
    .product = product,
    .product_codes = product_codes,
    .quantise = quantise,
    .rms_norm = rms_norm,
    .rotate = rotate,
    .swiglu = swiglu,
    .softmax = softmax,
    .log_sum_exp = log_sum_exp,
    .index_of_greatest = index_of_greatest,
    .to_half = to_half,
    .from_half = from_half,
    .store = store,
    .store_codes = store_codes,
    .flash = flash,
    .dense = dense,
    .summarise = scalar_summarise,
    .gather_selector = scalar_gather_selector,
    .score_runs = scalar_score_runs,
    .turn = scalar_turn,
};
