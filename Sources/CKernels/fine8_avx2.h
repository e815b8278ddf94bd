/* Products of 8-bit activations with FINE8 tiles, for avx2.c.
 *
 * Codes are -32...31 and maddubs wants one unsigned factor, so the weight's sign moves to the
 * activation. A 16-bit lane gathers eight of the products of 16 columns, at most 8 * 32 * 127 =
 * 32,512, so that their sum never saturates; then the scale of the 16 columns applies. */

/* Half a tile, eight rows of weights, for some activation rows. Inlined with constant `rows`. */
ALWAYS_INLINE void fine8_rows(size_t rows, float *out, size_t out_stride, ck_codes x,
                              const uint8_t *tile, size_t half, size_t columns, int accumulate) {
  const __m256i ones = _mm256_set1_epi16(1);
  const uint8_t *fine = tile + columns * 16 + half * LANES;
  const ck_half *coarse = (const ck_half *)(tile + columns * 17) + half * LANES;
  size_t blocks = columns / CK_BLOCK;
  __m256 sums[4];
#pragma unroll
  for (size_t i = 0; i < rows; i++) sums[i] = accumulate ? load(out + i * out_stride) : all(0);
  for (size_t k = 0; k < columns; k += 16) {
    __m256i parts[4];
#pragma unroll
    for (size_t i = 0; i < rows; i++) parts[i] = _mm256_setzero_si256();
#pragma clang loop unroll(disable)
    for (size_t g = 0; g < 4; g++) {
      const uint8_t *group = tile + k * 16 + g * 64 + half * 32;
      __m256i weights = _mm256_loadu_si256((const __m256i *)group);
      __m256i magnitudes = _mm256_abs_epi8(weights);
#pragma unroll
      for (size_t i = 0; i < rows; i++) {
        __m256i four = four_codes(x.codes + i * columns + k + 4 * g);
        __m256i pairs = _mm256_maddubs_epi16(magnitudes, _mm256_sign_epi8(four, weights));
        parts[i] = _mm256_add_epi16(parts[i], pairs);
      }
    }
    __m256i s = _mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)(fine + k)));
    __m256 d = mul(_mm256_cvtepi32_ps(s), load_half(coarse + k / CK_SUPERBLOCK * 16));
#pragma unroll
    for (size_t i = 0; i < rows; i++) {
      __m256 dot = _mm256_cvtepi32_ps(_mm256_madd_epi16(parts[i], ones));
      __m256 factor = mul(d, all(x.scales[i * blocks + k / CK_BLOCK]));
      sums[i] = multiply_add(dot, factor, sums[i]);
    }
  }
#pragma unroll
  for (size_t i = 0; i < rows; i++) save(out + i * out_stride, sums[i]);
}

static void product_fine8(float *out, size_t out_stride, ck_codes x, size_t rows,
                          const uint8_t *tile, size_t columns, int accumulate) {
  size_t blocks = columns / CK_BLOCK;
  for (size_t i = 0; i < rows;) {
    ck_codes from = {x.codes + i * columns, x.scales + i * blocks, x.sums + i * blocks};
    int is_four = i + 4 <= rows;
    for (size_t half = 0; half < 2; half++) {
      float *to = out + i * out_stride + half * LANES;
      if (is_four) fine8_rows(4, to, out_stride, from, tile, half, columns, accumulate);
      else fine8_rows(1, to, out_stride, from, tile, half, columns, accumulate);
    }
    i += is_four ? 4 : 1;
  }
}
