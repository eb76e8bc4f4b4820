# CUDA, Python, the README's own install command, and JupyterLab on port 8888.
#   docker build -t cyclevfi .
#   docker run --gpus all -p 8888:8888 -v "$PWD":/work cyclevfi
# without a GPU leave --gpus out; a command instead of JupyterLab goes last:
#   docker run -v "$PWD":/work cyclevfi cyclevfi interpolate in.mp4 -o out.mp4
FROM nvidia/cuda:12.8.1-base-ubuntu24.04

SHELL ["/bin/bash", "-o", "pipefail", "-c"]

# the versions of Ubuntu's packages are those of its 24.04 release
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install -y --no-install-recommends ffmpeg git python3 python3-pip python3-venv \
    && rm -rf /var/lib/apt/lists/*

RUN useradd --create-home --uid 1001 --shell /bin/bash cycle \
    && mkdir -p /work /home/cycle/cyclevfi \
    && chown -R cycle /work /home/cycle
USER 1001
WORKDIR /home/cycle/cyclevfi
ENV VIRTUAL_ENV=/home/cycle/venv PATH=/home/cycle/venv/bin:$PATH PIP_NO_CACHE_DIR=1
RUN python3 -m venv "$VIRTUAL_ENV"

COPY --chown=1001 . .
# on Linux PyPI's torch brings its CUDA libraries along; the image needs only the driver's
RUN pip install torch==2.13.0 && pip install -e . && pip install -e ".[export]" "jupyterlab==4.*"

EXPOSE 8888
WORKDIR /work
CMD ["jupyter", "lab", "--ip=0.0.0.0", "--port=8888", "--no-browser"]
