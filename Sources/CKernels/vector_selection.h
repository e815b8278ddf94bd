/* Choosing blocks of keys, over `lanes`; included after vector_kernels.h. A summary has its runs
 * innermost, and 1, 2 or 4 of them divide every vector: lane l belongs to run l % runs. */

static void summarise(ck_half *summary, const ck_half *keys, size_t width, size_t run, size_t index,
                      ck_summary kind) {
  size_t runs = CK_KEYS / run;
  for (size_t c = 0; c < width; c++) {
    const ck_half *from = keys + c * CK_KEYS + index * run;
    lanes sum = load_half(from), greatest = sum, least_negated = sub(all(0), sum);
    for (size_t j = LANES; j < run; j += LANES) {
      lanes x = load_half(from + j);
      sum = add(sum, x);
      greatest = most(greatest, x);
      least_negated = most(least_negated, sub(all(0), x));
    }
    if (kind == CK_SUMMARY_MEANS) {
      summary[c * runs + index] = ck_float_to_half(sum_of(sum) / (float)run);
    } else {
      summary[c * runs + index] = ck_float_to_half(most_of(greatest));
      summary[(width + c) * runs + index] = ck_float_to_half(-most_of(least_negated));
    }
  }
}

static void gather_selector(float *selector, const ck_query_tile *tile, size_t runs,
                            ck_summary kind) {
  size_t width = tile->width;
  for (size_t c = 0; c < width; c += LANES) {
    lanes above = all(0), below = all(0);
    for (size_t i = 0; i < tile->positions; i++)
      for (size_t h = 0; h < tile->group; h++) {
        lanes x = load(tile->queries + i * tile->stride + h * width + c);
        lanes positive = kind == CK_SUMMARY_MEANS ? x : most(all(0), x);
        above = add(above, positive);
        below = add(below, sub(x, positive));
      }
    float sums[2][LANES];
    save(sums[0], above);
    save(sums[1], below);
    for (size_t l = 0; l < LANES; l++)
      for (size_t i = 0; i < runs; i++) {
        selector[(c + l) * runs + i] = sums[0][l];
        if (kind == CK_SUMMARY_RANGES) selector[(width + c + l) * runs + i] = sums[1][l];
      }
  }
}

static void score_runs(float *scores, const float *selector, const ck_half *summary,
                       size_t channels, size_t runs) {
  lanes sums[2] = {all(0), all(0)};
  size_t count = channels * runs, e = 0;
  for (; e + 2 * LANES <= count; e += 2 * LANES)
    for (size_t v = 0; v < 2; v++)
      sums[v] = multiply_add(load(selector + e + v * LANES), load_half(summary + e + v * LANES),
                             sums[v]);
  for (; e < count; e += LANES)
    sums[0] = multiply_add(load(selector + e), load_half(summary + e), sums[0]);
  float parts[LANES];
  save(parts, add(sums[0], sums[1]));
  for (size_t i = 0; i < runs; i++) {
    float sum = 0;
    for (size_t l = i; l < LANES; l += runs) sum += parts[l];
    scores[i] = sum;
  }
}

static void turn(ck_half *keys, const float *cosines, const float *sines, size_t pairs) {
  for (size_t i = 0; i < pairs; i++, keys += 2 * CK_KEYS)
    for (size_t j = 0; j < CK_KEYS; j += LANES) {
      lanes a = load_half(keys + j), b = load_half(keys + CK_KEYS + j);
      lanes c = load(cosines + i * CK_KEYS + j), s = load(sines + i * CK_KEYS + j);
      save_half(keys + j, sub(mul(a, c), mul(b, s)));
      save_half(keys + CK_KEYS + j, multiply_add(a, s, mul(b, c)));
    }
}
