/* Eight floats at a time, for vector_kernels.h. */
#define LANES 8
/* Rows of a product's register tile: 6 x 16 floats fill twelve of sixteen registers. */
#define PRODUCT_ROWS 6

typedef __m256 lanes;

ALWAYS_INLINE lanes load(const float *p) { return _mm256_loadu_ps(p); }
ALWAYS_INLINE void save(float *p, lanes v) { _mm256_storeu_ps(p, v); }
ALWAYS_INLINE lanes all(float value) { return _mm256_set1_ps(value); }
ALWAYS_INLINE lanes add(lanes a, lanes b) { return _mm256_add_ps(a, b); }
ALWAYS_INLINE lanes sub(lanes a, lanes b) { return _mm256_sub_ps(a, b); }
ALWAYS_INLINE lanes mul(lanes a, lanes b) { return _mm256_mul_ps(a, b); }
ALWAYS_INLINE lanes divide(lanes a, lanes b) { return _mm256_div_ps(a, b); }
/* a * b + c */
ALWAYS_INLINE lanes multiply_add(lanes a, lanes b, lanes c) { return _mm256_fmadd_ps(a, b, c); }
/* The larger and the smaller; NaN if b is. */
ALWAYS_INLINE lanes most(lanes a, lanes b) { return _mm256_max_ps(a, b); }
ALWAYS_INLINE lanes least(lanes a, lanes b) { return _mm256_min_ps(a, b); }

ALWAYS_INLINE lanes load_half(const ck_half *p) {
  return _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
}
ALWAYS_INLINE void save_half(ck_half *p, lanes v) {
  _mm_storeu_si128((__m128i *)p, _mm256_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT));
}
ALWAYS_INLINE lanes load_brain(const uint16_t *p) {
  __m256i wide = _mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)p));
  return _mm256_castsi256_ps(_mm256_slli_epi32(wide, 16));
}

ALWAYS_INLINE lanes load_codes(const int8_t *p) {
  return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64((const __m128i *)p)));
}

/* Each lane's 32 bits, shifted right by `shift` and masked with 15, as floats. */
ALWAYS_INLINE lanes nibbles(const void *p, int shift) {
  __m256i word = _mm256_srli_epi32(_mm256_loadu_si256((const __m256i *)p), shift);
  return _mm256_cvtepi32_ps(_mm256_and_si256(word, _mm256_set1_epi32(15)));
}
/* The signed byte at bit `shift` of each lane's 32 bits, as floats. */
ALWAYS_INLINE lanes signed_bytes(const void *p, int shift) {
  __m256i word = _mm256_slli_epi32(_mm256_loadu_si256((const __m256i *)p), 24 - shift);
  return _mm256_cvtepi32_ps(_mm256_srai_epi32(word, 24));
}

ALWAYS_INLINE float sum_of(lanes v) {
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_add_ss(half, _mm_shuffle_ps(half, half, 1)));
}
ALWAYS_INLINE float most_of(lanes v) {
  __m128 half = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
  half = _mm_max_ps(half, _mm_movehl_ps(half, half));
  return _mm_cvtss_f32(_mm_max_ss(half, _mm_shuffle_ps(half, half, 1)));
}

/* v where low <= index < high, else -inf. */
ALWAYS_INLINE lanes where_between(lanes v, lanes index, float low, float high) {
  __m256 inside = _mm256_and_ps(_mm256_cmp_ps(index, all(low), _CMP_GE_OQ),
                                _mm256_cmp_ps(index, all(high), _CMP_LT_OQ));
  return _mm256_blendv_ps(all(-INFINITY), v, inside);
}
ALWAYS_INLINE lanes indices(float first) {
  return add(all(first), _mm256_setr_ps(0, 1, 2, 3, 4, 5, 6, 7));
}

/* round(x), and 2^round(x) for -127 <= x <= 128. */
ALWAYS_INLINE lanes nearest(lanes x) {
  return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
ALWAYS_INLINE lanes power_of_two(lanes whole) {
  __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(whole), _mm256_set1_epi32(127));
  return _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
}

/* (a0 + i b0, ...) rotated by pairs: cosines and sines are given once per pair. */
ALWAYS_INLINE lanes twice_each(const float *p) {
  __m128 four = _mm_loadu_ps(p);
  return _mm256_set_m128(_mm_unpackhi_ps(four, four), _mm_unpacklo_ps(four, four));
}
ALWAYS_INLINE lanes rotate_pairs(lanes x, lanes cosines, lanes sines) {
  return _mm256_addsub_ps(mul(x, cosines), mul(_mm256_permute_ps(x, 0xb1), sines));
}
