"""Video: frames in, predictions over time, subtitles and a burned-in overlay out.

It classifies through a function that it is handed, and knows neither the backend nor HTTP. A stranger's bytes are decoded in
a process of their own (`worker.py`), which is killed when it hangs.
"""
