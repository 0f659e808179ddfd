/*
 * Published weight files by the SHA-256 of their bytes.
 *
 * Sources: the download addresses in OpenAI's clip/clip.py (each has the whole hash) and the file
 * names of open_clip's release v0.2-weights (each ends in the hash's first 8 digits), with the
 * activation that their model configurations name. The e31 file of ViT-B-16-plus-240 is known to be
 * passed on under the name of e32, hence a look at the content.
 */
#include "weights/weights.h"

#include <string.h>

static const struct wc_known_weights known[] = {
    {"8fb26589", "ViT-B-16-plus-240", "laion400m_e31", false},
    {"699c4b84", "ViT-B-16-plus-240", "laion400m_e32", false},
    {"00efa78f", "ViT-B-16", "laion400m_e31", false},
    {"55e67d44", "ViT-B-16", "laion400m_e32", false},
    {"69988bb6", "ViT-L-14", "laion400m_e31", false},
    {"3d133497", "ViT-L-14", "laion400m_e32", false},
    {"d867053b", "ViT-B-32", "laion400m_e31", true},
    {"46683a32", "ViT-B-32", "laion400m_e32", true},
    {"af8dbd0c", "ViT-B-32", "laion2b_e16", false},
    {"455df137", "RN50", "yfcc15m", true},
    {"f000538c", "RN50", "cc12m", true},
    {"3e04b30e", "RN101", "yfcc15m", true},
    {"afeb0e10f9e5a86da6080e35cf09123aca3b358a0c3e3b6c78a7b63bc04b6762", "RN50", "openai", true},
    {"8fa8567bab74a42d41c5915025a8e4538c3bdbe8804a470a72f30b0d94fab599", "RN101", "openai", true},
    {"7e526bd135e493cef0776de27d5f42653e6b4c8bf9e0f653bb11773263205fdd", "RN50x4", "openai", true},
    {"52378b407f34354e150460fe41077663dd5b39c54cd0bfd2b27167a4a06ec9aa", "RN50x16", "openai", true},
    {"be1cfb55d75a9666199fb2206c106743da0f6468c9d327f3e0d0a543a9919d9c", "RN50x64", "openai", true},
    {"40d365715913c9da98579312b702a82c18be219cc2a73407c4526f58eba950af", "ViT-B-32", "openai",
     true},
    {"5806e77cd80f8b59890b7e101eabd078d9fb84e6937f9e85e4ecb61988df416f", "ViT-B-16", "openai",
     true},
    {"b8cca3fd41ae0c99ba7e8951adf17d267cdb84cd88be6f7c2e0eca1737a03836", "ViT-L-14", "openai",
     true},
    {"3035c92b350959924f9f00213499208652fc7ea050643e8b385c2dac08641f02", "ViT-L-14-336", "openai",
     true},
};

const struct wc_known_weights *wc_weights_known(const char *sha256) {
    for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
        if (strncmp(sha256, known[i].sha256, strlen(known[i].sha256)) == 0)
            return &known[i];
    return NULL;
}
